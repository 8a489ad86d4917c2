"""The site builds without a warning, and its pages say what labs and code say."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import jsonschema
import pytest
import yaml

from labcheck.cli.main import VERBS
from labcheck.lab.curriculum import COMPETENCIES
from labcheck.lab.load import load
from labcheck.lab.model import Lab
from labcheck.lab.variant import variant

ROOT = Path(__file__).parents[2]
LABS = sorted(it.parent.name for it in ROOT.glob("labs/*/lab.yaml"))


def text(page: Path) -> str:
    """What a reader reads: the page without its tags."""
    return re.sub(r"<[^>]+>", "", page.read_text())


class Addresses(HTMLParser):
    """Where a page leads, and the places in it that others may lead to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.links += [it for it in (found.get("href"), found.get("src")) if it]
        self.places |= {it for it in (found.get("id"), found.get("name")) if it}


def test_every_link_within_the_site_leads_somewhere(site):
    pages = {it: Addresses(it) for it in site.rglob("*.html") if it.name != "404.html"}
    dead = []
    for page, found in pages.items():
        for link in map(urlsplit, found.links):
            if link.scheme or link.netloc:
                continue
            target = (page.parent / link.path).resolve() if link.path else page
            target = target / "index.html" if target.is_dir() else target
            missing = link.fragment and target in pages and link.fragment not in pages[target].places
            if not target.exists() or missing:
                dead.append(f"{page.relative_to(site)}: {link.geturl()}")
    assert dead == []


def test_the_start_page_says_how_to_begin(site):
    assert "Your first ten minutes" in text(site / "index.html")


def test_the_list_of_labs_links_to_each_page(site):
    page = (site / "labs/index.html").read_text()
    assert [lab for lab in LABS if f'href="{lab}/"' not in page] == []


def test_the_navigation_has_the_labs_in_order(site):
    page = (site / "labs/index.html").read_text()
    navigation = page[page.index("md-sidebar--primary") : page.index("md-sidebar--secondary")]
    assert re.findall(r'href="(lab-[^/"]+)/"', navigation) == LABS


def test_a_lab_page_has_the_names_that_its_seed_draws(site):
    page = text(site / "labs/lab-03-waypoint/index.html")
    assert "{{" not in page
    assert "istio.io/use-waypoint=" in page


def test_a_lab_page_names_what_was_drawn_but_for_what_is_to_be_found(site):
    for made in (variant(load(ROOT / "labs" / lab)) for lab in LABS):
        page = text(site / f"labs/{made.lab.id}/index.html")
        names = page[page.index("Names on this page") :].split(":", maxsplit=1)[0]
        assert re.findall(r"(\w+) ([^\s,]+)", names.partition("page")[2]) == [
            (name, str(value)) for name, value in made.told.items()
        ]


@pytest.mark.parametrize("concept", ["ztunnel", "waypoints", "identity", "policies", "sidecars"])
def test_a_concept_is_drawn_and_leads_to_labs(site, concept):
    page = (site / f"concepts/{concept}/index.html").read_text()
    assert "<svg" in page
    assert 'href="../../labs/lab-' in page


def test_the_domains_of_the_exam_weigh_a_hundred(site):
    weights = [int(it) for it in re.findall(r"<td>(\d+) %</td>", (site / "exam/index.html").read_text())]
    assert weights == [20, 35, 25, 20, 100]


def rows(page: str) -> dict[str, str]:
    """The competencies of the page about the exam, with what stands beside them."""
    return dict(re.findall(r"<tr>\s*<td>([^<]+)</td>\s*<td>(.*?)</td>\s*</tr>", page, re.DOTALL))


def test_each_competency_of_the_exam_has_the_labs_that_name_it_or_is_said_to_have_none(site):
    page = (site / "exam/index.html").read_text()
    practised = rows(page)
    left_out = page.partition('id="what-no-lab-practises"')[2]
    for id_, name in COMPETENCIES.items():
        labs = [it for it in LABS if id_ in described(it).get("competencies", ())]
        assert re.findall(r'href="\.\./labs/([^/"]+)/', practised[name]) == labs
        assert (f"{name} (" in left_out) is not bool(labs)


def test_every_lab_of_this_project_says_what_it_practises():
    assert [lab for lab in LABS if not described(lab).get("competencies")] == []


def described(lab: str):
    """What a lab says of itself."""
    return yaml.safe_load((ROOT / "labs" / lab / "lab.yaml").read_text())


def test_the_reference_has_every_command(site):
    page = (site / "reference/cli/index.html").read_text()
    assert [verb for verb in VERBS if f'id="{verb}"' not in page] == []


def test_the_reference_explains_every_field_of_a_lab_that_its_author_may_set(site):
    page = text(site / "reference/lab/index.html")
    assert [field for field in Lab.model_fields if field not in page] == []
    assert "Named by the check" in page


def test_the_published_schema_accepts_the_labs_there_are(site):
    schema = json.loads((site / "reference/lab.schema.json").read_text())
    for lab in LABS:
        jsonschema.validate(described(lab), schema)


def test_the_reference_of_checks_has_what_fixtures_offer(site):
    page = text(site / "reference/checks/index.html")
    assert "settle(look" in page
    assert "ztunnel&#39;s way" in page or "ztunnel's way" in page


def test_the_page_about_writing_labs_hides_only_its_own_marks(site):
    page = text(site / "author/index.html")
    assert page.count("```sh run") == 5  # in the pages that it has its readers write
    assert "sh run labcheck" not in page
