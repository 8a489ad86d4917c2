"""Bookinfo's answers, with the services behind them standing still."""

from __future__ import annotations

import json

import pytest

from pocketmesh.node.apps.bookinfo.productpage import Productpage, session, user_of
from pocketmesh.node.apps.bookinfo.ratings import Ratings
from pocketmesh.node.apps.bookinfo.reviews import answer as reviews
from pocketmesh.node.apps.bookinfo.wire import Answer
from pocketmesh.node.commands.web import Call

REVIEWS = {
    "podname": "reviews-v3-1",
    "clustername": "null",
    "reviews": [
        {"reviewer": "Reviewer1", "text": "Good & short.", "rating": {"stars": 4, "color": "red"}},
        {"reviewer": "Reviewer2", "text": "Fine.", "rating": {"error": "no stars today"}},
    ],
}


class Services:
    """What other services answer, and what they were asked."""

    def __init__(self, **answers: object) -> None:
        self._answers = answers
        self.asked: list[tuple[str, dict[str, str], float]] = []

    async def fetch(self, url: str, headers: tuple[tuple[str, str], ...], limit: float) -> Answer:
        self.asked.append((url, dict(headers), limit))
        said = self._answers.get(url.split("/")[3], 0)
        return Answer(said) if isinstance(said, int) else Answer(200, json.dumps(said).encode())

    @property
    def urls(self) -> list[str]:
        return [url for url, _, _ in self.asked]


def call(target: str, method: str = "GET", body: bytes = b"", **headers: str) -> Call:
    found = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Call(method, target, "web", found, body)


async def shown(services: Services, **headers: str) -> str:
    page = Productpage({}, services.fetch)
    return (await page.answer(call("/productpage", **headers))).body.decode()


async def test_the_page_shows_reviews_with_their_stars() -> None:
    page = await shown(Services(details={"pages": 200}, reviews=REVIEWS))

    assert page.count("glyphicon-star") - page.count("glyphicon-star-empty") == 4
    assert '<font color="red">' in page
    assert "Good &amp; short." in page
    assert "no stars today" in page
    assert "<u>reviews-v3-1</u>" in page


@pytest.mark.parametrize("failing", ["details", "reviews"])
async def test_the_page_says_which_service_failed(failing: str) -> None:
    page = await shown(Services(**{"details": {"pages": 200}, "reviews": REVIEWS, failing: 503}))

    assert f"Error fetching product {failing}!" in page
    assert f"Sorry, product {failing} are currently unavailable for this book." in page


async def test_the_page_asks_for_reviews_twice_before_it_gives_up() -> None:
    services = Services(details={"pages": 200})

    await shown(services)

    assert services.urls == [
        "http://details:9080/details/0",
        "http://reviews:9080/reviews/0",
        "http://reviews:9080/reviews/0",
    ]


async def test_the_page_hands_on_the_headers_of_a_trace_and_who_is_logged_in() -> None:
    services = Services(details={}, reviews=REVIEWS)
    cookie = f"session={session('jason').partition(';')[0]}"

    await shown(services, x_request_id="7", baggage="a=b", end_user="mallory", x_other="1", cookie=cookie)

    assert services.asked[1][1] == {
        "end-user": "jason",
        "x-request-id": "7",
        "baggage": "a=b",
        "cookie": cookie,
    }


async def test_logging_in_makes_a_session_and_goes_back() -> None:
    page = Productpage({}, Services().fetch)

    reply = await page.answer(call("/login", "POST", b"username=jason&passwd=", referer="/productpage?u=1"))

    headers = dict(reply.headers)
    assert (reply.status, headers["location"]) == (302, "/productpage?u=1")
    assert user_of(call("/", cookie=headers["set-cookie"].partition(";")[0])) == "jason"


def test_a_session_that_somebody_else_made_is_nobodys() -> None:
    forged = session("jason").partition(".")[0] + ".x"

    assert user_of(call("/", cookie=f"session={forged}")) == ""


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/", 200),
        ("/health", 200),
        ("/api/v1/products", 200),
        ("/api/v1/products/0", 404),
        ("/api/v1/products/0/reviews", 200),
        ("/api/v1/products/0/ratings", 500),
        ("/api/v1/products/0/details", 404),
        ("/nothing", 404),
    ],
)
async def test_the_pages_paths(target: str, status: int) -> None:
    page = Productpage({}, Services(details=404, reviews=REVIEWS).fetch)

    assert (await page.answer(call(target))).status == status


async def test_where_services_are_can_be_set() -> None:
    services = Services()
    env = {"SERVICES_DOMAIN": "books.svc", "REVIEWS_HOSTNAME": "opinions", "REVIEWS_SERVICE_PORT": "80"}

    await Productpage(env, services.fetch).answer(call("/api/v1/products/0/reviews"))

    assert services.urls[0] == "http://opinions.books.svc:80/reviews/0"


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        pytest.param({}, None, id="v1"),
        pytest.param({"ENABLE_RATINGS": "true"}, {"stars": 5, "color": "black"}, id="v2"),
        pytest.param({"ENABLE_RATINGS": "true", "STAR_COLOR": "red"}, {"stars": 5, "color": "red"}, id="v3"),
    ],
)
async def test_a_review_has_the_stars_of_its_version(env: dict[str, str], expected: object) -> None:
    services = Services(ratings={"ratings": {"Reviewer1": 5, "Reviewer2": 4}})

    said = json.loads((await reviews(env, services.fetch, call("/reviews/0"))).body)

    assert said["reviews"][0].get("rating") == expected


async def test_reviews_without_ratings_say_so_and_hand_on_the_user() -> None:
    services = Services(ratings=503)

    reply = await reviews({"ENABLE_RATINGS": "true"}, services.fetch, call("/reviews/0", end_user="jason"))

    error = {"error": "Ratings service is currently unavailable"}
    assert [review["rating"] for review in json.loads(reply.body)["reviews"]] == [error, error]
    assert services.asked[0][1]["end-user"] == "jason"


async def test_posted_ratings_replace_a_books_stars() -> None:
    service = Ratings("v1")

    await service.answer(call("/ratings/0", "POST", b'{"Reviewer1": 1}'))

    assert json.loads((await service.answer(call("/ratings/0"))).body)["ratings"] == {"Reviewer1": 1}


@pytest.mark.parametrize(
    ("version", "target", "status"),
    [
        ("v1", "/ratings/0", 200),
        ("v1", "/ratings/x", 400),
        ("v1", "/health", 200),
        ("v-unavailable", "/ratings/0", 503),
        ("v-unavailable", "/health", 200),
    ],
)
async def test_ratings_answers(version: str, target: str, status: int) -> None:
    assert (await Ratings(version).answer(call(target))).status == status
