"""The HTML that productpage renders. What upstream's guides look for is as there: the title, the
headings, `Reviews served by`, the stars and their colour, the errors; looks are not reproduced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Final

NOT_FOUND: Final = "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n"
_TITLE: Final = "Simple Bookstore App"
_DETAILS: Final = (
    *(("ISBN-10", "ISBN-10"), ("Publisher", "publisher"), ("Pages", "pages"), ("Type", "type")),
    ("Language", "language"),
)


@dataclass(frozen=True, slots=True)
class Found:
    """What a service said of the product, or what the page says instead."""

    status: int
    value: Any


def index(services: Mapping[str, str]) -> str:
    """The start page: a table of the services behind the page, and ways to it."""
    rows = "".join(f"<tr><td>{name}</td><td>{escape(url)}</td></tr>\n" for name, url in services.items())
    return _document(
        "<h3>A bookstore made of three services besides this page</h3>\n"
        f"<table>\n{rows}</table>\n"
        '<a href="/productpage?u=normal">Normal user</a>\n<a href="/productpage?u=test">Test user</a>\n'
    )


def product(book: Mapping[str, Any], details: Found, reviews: Found, user: str) -> str:
    """The page of a book."""
    who = f'{escape(user)} (<a href="/logout">sign out</a>)' if user else '<a href="/login">Sign in</a>'
    return _document(
        f"<nav>{who}</nav>\n<h3>{escape(book['title'])}</h3>\n"
        f"<p>Summary: {book['descriptionHtml']}</p>\n{_details(details)}{_reviews(reviews)}"
    )


def _details(found: Found) -> str:
    if found.status != 200 or not isinstance(found.value, dict):
        return _error("details", found)
    rows = [f"<dt>{label}:</dt><dd>{escape(str(found.value.get(key, '')))}</dd>\n" for label, key in _DETAILS]
    return f"<h4>Book Details</h4>\n<dl>\n{''.join(rows)}</dl>\n"


def _reviews(found: Found) -> str:
    if found.status != 200 or not isinstance(found.value, dict):
        return _error("reviews", found)
    quotes = "".join(_review(review) for review in found.value.get("reviews") or [])
    pod, cluster = found.value.get("podname"), found.value.get("clustername")
    served = f"<dt>Reviews served by:</dt>\n<u>{escape(str(pod))}</u>\n"
    if cluster and cluster != "null":
        served += f"on cluster <u>{escape(str(cluster))}</u>\n"
    return f"<h4>Book Reviews</h4>\n{quotes}<dl>\n{served}</dl>\n"


def _review(review: Mapping[str, Any]) -> str:
    text = f"<blockquote>\n<p>{escape(review['text'])}</p>\n<small>{escape(review['reviewer'])}</small>\n"
    rating = review.get("rating")
    if rating and "stars" in rating:
        stars, color = int(rating["stars"]), escape(str(rating["color"]))
        full = '<span class="glyphicon glyphicon-star"></span>\n' * stars
        empty = '<span class="glyphicon glyphicon-star-empty"></span>\n' * (5 - stars)
        text += f'<font color="{color}">\n<!-- full stars: -->\n{full}<!-- empty stars: -->\n{empty}</font>\n'
    elif rating:
        text += f"<p><i>{escape(str(rating.get('error', '')))}</i></p>\n"
    return f"{text}</blockquote>\n"


def _error(what: str, found: Found) -> str:
    why = found.value.get("error", "") if isinstance(found.value, dict) else ""
    return f"<h4>Error fetching product {what}!</h4>\n<p>{escape(why)}</p>\n"


def _document(body: str) -> str:
    return (
        '<!DOCTYPE html>\n<html>\n<head>\n<meta charset="utf-8">\n'
        f"<title>{_TITLE}</title>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )
