"""The site in a real browser, as a learner uses it: on a desk, on a phone, by keyboard, in the dark.

No page may ask another host for anything, or complain on the console.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from labcheck.lab.load import load
from labcheck.lab.pages import guide
from labcheck.lab.variant import variant

ROOT = Path(__file__).parents[2]
LAB = "labs/lab-01-install/"
JUDGED = ["", "labs/", LAB, "concepts/waypoints/", "exam/", "author/", "reference/lab/", "reference/cli/"]
"""Pages of each sort: axe looks at every letter."""
OUTSIDE = """all => all.filter(it => {
  const word = it.getBoundingClientRect(), drawing = it.ownerSVGElement.getBoundingClientRect()
  return word.left < drawing.left || word.right > drawing.right || word.bottom > drawing.bottom
}).map(it => it.textContent)"""
"""Words of drawings that are cut off."""
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def opened(browser, url):
    """Opens pages of the site; at the end, nothing was asked of others and nobody complained."""
    contexts, trouble = [], []

    def watch(page):
        page.on("console", lambda it: trouble.append(it.text) if it.type in {"error", "warning"} else None)
        page.on("pageerror", lambda it: trouble.append(str(it)))
        page.on(
            "request",
            lambda it: None if it.url.startswith((url, "data:", "blob:")) else trouble.append(it.url),
        )

    def open_(path, viewport=DESK, scheme="light"):
        context = browser.new_context(
            viewport=viewport, color_scheme=scheme, permissions=["clipboard-read", "clipboard-write"]
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        watch(page)
        page.goto(f"{url}{path}", wait_until="networkidle")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert trouble == []


@pytest.fixture(scope="session")
def pages(site):
    """Every page of the site but the one for addresses that lead nowhere."""
    return sorted(f"{it.parent.relative_to(site)}/".removeprefix("./") for it in site.rglob("index.html"))


def at(page, path):
    """The same site's page at another path."""
    page.goto(re.sub(r"(//[^/]+/).*", rf"\g<1>{path}", page.url), wait_until="load")
    return page


def copied(page, block):
    """What the button of a block of code puts on the clipboard."""
    page.evaluate("navigator.clipboard.writeText('')")
    block.locator("[data-clipboard-target], .md-code__button").first.click()
    page.wait_for_function("navigator.clipboard.readText().then(text => text !== '')")
    return page.evaluate("navigator.clipboard.readText()")


def test_a_learner_finds_a_lab_through_the_navigation(opened):
    page = opened("")
    page.locator(".md-tabs").get_by_role("link", name="Learn").click()
    page.locator(".md-sidebar--primary").get_by_role("link", name="A waypoint for one namespace").click()
    assert page.locator("h1").inner_text().startswith("A waypoint for one namespace")


def test_the_navigation_of_a_phone_is_a_drawer(opened):
    page = opened("", viewport=PHONE)
    page.locator("label.md-header__button[for=__drawer]").click()
    drawer = page.locator(".md-sidebar--primary")
    drawer.locator("label.md-nav__link", has_text="Learn").first.click()
    drawer.get_by_role("link", name="A waypoint for one namespace").click()
    assert page.locator("h1").inner_text().startswith("A waypoint for one namespace")


def test_a_newcomer_gets_from_home_to_a_lab_and_back_to_all_labs(opened):
    page = opened("")
    page.locator("article").get_by_role("link", name="Into the mesh and out again").click()
    page.wait_for_url("**/labs/lab-02-enrolment/")
    page.locator(".md-sidebar--primary").get_by_role("link", name="Labs", exact=True).click()
    page.locator("article").get_by_role("link", name="your first ten minutes").click()
    assert page.locator("#your-first-ten-minutes").is_visible()


def test_a_search_finds_a_concept_and_no_solution(opened):
    page = opened("")
    page.keyboard.press("/")
    page.keyboard.type("waypoint")
    page.locator(".md-search-result__link").first.wait_for()
    found = page.locator(".md-search-result__link").evaluate_all("links => links.map(it => it.href)")
    assert any("concepts/waypoints/" in link for link in found)
    assert not any(link.partition("?")[0].endswith(("#solution", "#hints")) for link in found)


def test_a_lab_is_started_with_what_its_page_begins_with(opened):
    page = opened(LAB)
    block = page.locator("div.highlight", has_text="labcheck up").first
    assert copied(page, block) == "labcheck up lab-01\nlabcheck shell lab-01"


def test_every_command_of_a_guide_is_copied_to_the_letter(opened):
    shown = guide(variant(load(ROOT / "labs" / "lab-03-waypoint")))
    commands = [block.text.rstrip("\n") for block in shown.blocks if block.language == "sh"]
    page = opened("labs/lab-03-waypoint/")
    blocks = page.locator("article > div.language-sh").all()
    assert [copied(page, it).rstrip("\n") for it in blocks][1 : len(commands) + 1] == commands


def test_what_a_command_prints_is_not_copied(opened):
    page = opened("")
    assert not page.locator(".language-text .md-code__button").first.is_visible()


def test_hints_and_solutions_are_folded_until_they_are_asked_for(opened):
    page = opened(LAB)
    folded = page.locator("details")
    assert folded.count() >= 2
    assert not any(folded.evaluate_all("all => all.map(it => it.open)"))
    last = folded.last
    last.locator("summary").first.click()
    assert last.locator("pre").first.is_visible()


def test_accepted_ways_are_tabs_by_tool(opened):
    page = opened(LAB)
    page.locator("details.success summary").first.click()
    helm = page.get_by_text("helm install istiod").first
    assert not helm.is_visible()
    page.locator(".tabbed-labels label", has_text="Helm").click()
    helm.wait_for(state="visible")


def test_the_tool_that_was_chosen_is_chosen_on_other_pages(opened):
    page = opened("labs/lab-11-resilience/")
    page.locator("details.success summary").first.click()
    assert page.locator(".tabbed-labels label").all_inner_texts() == ["kubectl", "istioctl"]
    page.locator(".tabbed-labels label", has_text="istioctl").click()
    at(page, "labs/lab-17-phased-rollout/").locator("details.success summary").first.click()
    page.locator(".tabbed-block", has_text="istioctl ").first.wait_for(state="visible")


def test_the_dark_mode_follows_the_system_and_can_be_switched(opened):
    page = opened("", scheme="dark")
    assert page.locator("body").get_attribute("data-md-color-scheme") == "slate"
    page.get_by_title("Switch to light mode").click()
    page.locator("body[data-md-color-scheme=default]").wait_for()


def test_drawings_follow_the_page_into_the_dark(opened):
    colour = "element => getComputedStyle(element).fill"
    day, night = (
        opened("concepts/ztunnel/", scheme=it).locator(".diagram text").first.evaluate(colour)
        for it in ("light", "dark")
    )
    assert day != night


def test_no_page_is_wider_than_a_phone_and_no_drawing_loses_its_words(opened, pages):
    page = opened("", viewport=PHONE)
    wide = []
    for path in pages:
        at(page, path).evaluate("document.querySelectorAll('details').forEach(it => { it.open = true })")
        if page.evaluate("document.documentElement.scrollWidth") > PHONE["width"]:
            wide.append(path)
        wide += page.locator("figure svg text").evaluate_all(OUTSIDE)
    assert wide == []


def test_a_solution_is_reached_by_keyboard_alone(opened):
    page = opened(LAB)
    focused = "document.activeElement.closest('details.success') !== null"
    for _ in range(250):
        page.keyboard.press("Tab")
        if page.evaluate(focused):
            break
    page.keyboard.press("Enter")
    assert page.locator("details.success").first.evaluate("it => it.open")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    page.get_by_text("helm install istiod").first.wait_for(state="visible")


def test_a_page_is_skipped_to_by_keyboard(opened):
    page = opened(LAB)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent").strip() == "Skip to content"


@pytest.mark.parametrize(
    ("viewport", "scheme"), [(DESK, "light"), (PHONE, "dark")], ids=["desk", "dark phone"]
)
def test_axe_finds_nothing_serious(opened, viewport, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs the extra [dev]").Axe()
    page = opened("", viewport=viewport, scheme=scheme)
    serious = []
    for path in JUDGED:
        at(page, path).evaluate("document.querySelectorAll('details').forEach(it => { it.open = true })")
        for found in axe.run(page).response["violations"]:
            if found["impact"] in {"serious", "critical"}:
                serious.append((path, found["id"], [node["target"] for node in found["nodes"]][:3]))
    assert serious == []
