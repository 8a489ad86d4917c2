"""The pictures in labs' folders are what `labcheck trace` draws today."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LABS = sorted(it.parent.name for it in ROOT.glob("labs/*/path.svg"))
HOW = importlib.machinery.SourceFileLoader("pictures", str(ROOT / "scripts" / "pictures"))


@pytest.fixture(scope="module")
def pictures():
    """The script that draws them."""
    spec = importlib.util.spec_from_loader(HOW.name, HOW)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    HOW.exec_module(module)
    return module


def same(picture: str) -> str:
    """Addresses are given out in the order in which pods happen to start."""
    return re.sub(r"\b\d+\.\d+\.\d+\.\d+\b", "ADDRESS", picture)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not on PATH")
@pytest.mark.parametrize("lab", LABS)
def test_a_picture_is_what_trace_draws_today(pictures, lab):
    folder = ROOT / "labs" / lab
    drawn = pictures.drawn(folder, pictures.followed(folder))
    assert same(drawn) == same((folder / "path.svg").read_text(encoding="utf-8")), (
        f"labs/{lab}/path.svg is out of date; draw it again: scripts/pictures {lab}"
    )


def test_what_differs_from_run_to_run_is_left_out(pictures):
    text = "<text>Pod shop/reviews-v1-69d9d55dc6-zzrh2</text><text>HTTP 200 after 24 ms</text>"
    assert pictures.settled(text) == "<text>Pod shop/reviews-v1</text><text>HTTP 200</text>"


def test_words_with_dashes_are_no_hashes(pictures):
    assert pictures.settled("removes x-internal-token") == "removes x-internal-token"
