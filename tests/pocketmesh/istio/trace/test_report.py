"""A trace as text and as a picture."""

from __future__ import annotations

from xml.etree import ElementTree

from pocketmesh.istio.mesh.decide import Hop
from pocketmesh.istio.trace.picture import svg
from pocketmesh.istio.trace.report import Trace, text

TRACE = Trace(
    client="Pod shop/client",
    request="GET http://a & b/",
    hops=(
        Hop("Pod shop/client", "connects to 10.96.0.1:80"),
        Hop("ztunnel of Pod shop/client", "captures it", "Service shop/a"),
        Hop("ztunnel of Pod shop/client", "sends it on"),
    ),
    outcome="HTTP 403 after 2 ms",
    fine=False,
)
SVG = "{http://www.w3.org/2000/svg}"


def test_text_has_a_block_for_each_station() -> None:
    assert text(TRACE).splitlines() == [
        "GET http://a & b/  from Pod shop/client",
        "",
        "  Pod shop/client",
        "    connects to 10.96.0.1:80",
        "  ztunnel of Pod shop/client",
        "    captures it  (Service shop/a)",
        "    sends it on",
        "",
        "  HTTP 403 after 2 ms",
    ]


def test_the_picture_is_xml_with_a_box_for_each_station_and_arrows_between() -> None:
    picture = ElementTree.fromstring(svg(TRACE))
    assert len(picture.findall(f"{SVG}rect")) == 2
    assert len(picture.findall(f"{SVG}path")) == 1


def test_the_picture_says_in_words_what_it_shows() -> None:
    title = ElementTree.fromstring(svg(TRACE)).findtext(f"{SVG}title")
    assert title == "GET http://a & b/ from Pod shop/client: HTTP 403 after 2 ms"


def test_the_station_where_it_failed_is_marked() -> None:
    boxes = ElementTree.fromstring(svg(TRACE)).findall(f"{SVG}rect")
    assert [box.get("class") for box in boxes] == ["plain", "bad"]


def test_long_lines_are_folded() -> None:
    long = Trace("c", "GET x", (Hop("Pod a/b", "w " * 90),), "HTTP 200", True)
    assert len(ElementTree.fromstring(svg(long)).findall(f"{SVG}text")) == 5
