"""The site in a real browser, as a learner uses it: on a desk, on a phone, by keyboard, in the dark.

No page may ask another host for anything, or complain on the console.
"""

from __future__ import annotations

import re

import pytest

LAB = "labs/lab-01-install/"
PAGES = [
    "",
    "labs/",
    LAB,
    "labs/lab-03-waypoint/",
    "concepts/waypoints/",
    "concepts/policies/",
    "exam/",
    "author/",
    "reference/cli/",
    "reference/lab/",
    "reference/checks/",
    "fidelity/",
]
JUDGED = ["", "labs/", LAB, "concepts/waypoints/", "exam/", "reference/lab/"]
"""One page of each sort: axe looks at every letter."""
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


def copied(page, block):
    """What the button of a block of code puts on the clipboard."""
    block.locator("[data-clipboard-target], .md-code__button").first.click()
    page.wait_for_function("navigator.clipboard.readText().then(text => text !== '')")
    return page.evaluate("navigator.clipboard.readText()")


def test_a_learner_finds_a_lab_through_the_navigation(opened):
    page = opened("")
    page.locator(".md-tabs").get_by_role("link", name="Learn").click()
    page.locator(".md-sidebar--primary").get_by_role("link", name="A waypoint for one namespace").click()
    assert page.locator("h1").inner_text().startswith("A waypoint for one namespace")


def test_a_search_finds_a_concept_and_no_solution(opened):
    page = opened("")
    page.keyboard.press("/")
    page.keyboard.type("waypoint")
    page.locator(".md-search-result__link").first.wait_for()
    found = page.locator(".md-search-result__link").evaluate_all("links => links.map(it => it.href)")
    assert any("concepts/waypoints/" in link for link in found)
    assert not any(link.partition("?")[0].endswith(("#solution", "#hints")) for link in found)


def test_prompts_are_not_copied(opened):
    page = opened(LAB)
    block = page.locator("div.highlight", has_text="labcheck up").first
    assert copied(page, block) == "labcheck up lab-01\nlabcheck shell lab-01"


def test_a_manifest_is_copied_to_the_letter(opened):
    page = opened("labs/lab-03-waypoint/")
    block = page.locator("div.highlight", has_text="gatewayClassName: istio-waypoint").first
    text = copied(page, block)
    assert text.startswith(
        "kubectl apply -f - <<EOF\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\n"
    )
    assert "\n  - name: mesh\n    port: 15008\n    protocol: HBONE\nEOF\n" in text


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


def test_no_page_is_wider_than_a_phone(opened):
    page = opened("", viewport=PHONE)
    wide = []
    for path in PAGES:
        page.goto(re.sub(r"(//[^/]+/).*", rf"\g<1>{path}", page.url), wait_until="load")
        if page.evaluate("document.documentElement.scrollWidth") > PHONE["width"]:
            wide.append(path)
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
        page.goto(re.sub(r"(//[^/]+/).*", rf"\g<1>{path}", page.url), wait_until="load")
        for found in axe.run(page).response["violations"]:
            if found["impact"] in {"serious", "critical"}:
                serious.append((path, found["id"], [node["target"] for node in found["nodes"]][:3]))
    assert serious == []
