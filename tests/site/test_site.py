"""The site builds without a warning, and a lab's page says what its folder says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def text(page: Path) -> str:
    """What a reader reads: the page without its tags."""
    return re.sub(r"<[^>]+>", "", page.read_text())


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("mkdocs", reason="needs the extra [site]")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    built = subprocess.run(
        command,
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=False,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
    )
    assert built.returncode == 0, built.stderr
    return folder


def test_the_start_page_says_how_to_begin(site):
    assert "make demo" in text(site / "index.html")


def test_the_list_of_labs_links_to_each_page(site):
    assert 'href="lab-03-waypoint/"' in (site / "labs/index.html").read_text()


def test_a_lab_page_has_the_names_that_its_seed_draws(site):
    page = text(site / "labs/lab-03-waypoint/index.html")
    assert "{{" not in page
    assert "istio.io/use-waypoint=" in page


def test_the_page_about_writing_labs_hides_only_its_own_marks(site):
    page = text(site / "author/index.html")
    assert page.count("```sh run") == 5  # in the pages that it has its readers write
    assert "sh run labcheck" not in page


def test_no_page_loads_anything_from_elsewhere(site):
    loaded = [
        line
        for page in site.rglob("*.html")
        for line in page.read_text().splitlines()
        if ("<script" in line or "<link" in line)
        and ('src="http' in line or 'stylesheet" href="http' in line)
    ]
    assert loaded == []
