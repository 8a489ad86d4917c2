"""`labcheck docs`: the pages with the names of one's own labs, on this machine only."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from dataclasses import asdict
from pathlib import Path

import pytest

from labcheck.cli import docs
from labcheck.cli.main import run
from labcheck.cli.options import Session
from labcheck.environments.state import Record, state_folder
from labcheck.lab.load import load
from labcheck.lab.variant import choose

ROOT = Path(__file__).parents[2]
LAB = "lab-03-waypoint"
SEED = 2


@pytest.fixture
def labs(tmp_path):
    """A folder with one lab."""
    shutil.copytree(ROOT / "labs" / LAB, tmp_path / "labs" / LAB)
    return tmp_path / "labs"


@pytest.fixture
def running(tmp_path, monkeypatch):
    """A state in which the lab runs under another seed than that of the published pages."""
    monkeypatch.setenv("LABCHECK_STATE", str(tmp_path / "state"))
    record = Record(LAB, str(ROOT / "labs" / LAB), "embedded", SEED, "default", "ready")
    folder = state_folder(os.environ).environment(LAB)
    folder.path.mkdir(parents=True)
    folder.save("record.json", asdict(record))


def test_the_pages_have_the_names_of_the_lab_that_runs(labs, running, tmp_path):
    pytest.importorskip("material", reason="needs the extra [site]")
    command = [sys.executable, "-m", "labcheck", "docs", "3", "--no-open", "--labs", str(labs)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as serving:
        assert serving.stdout is not None
        try:
            address = serving.stdout.readline().strip()
            assert re.fullmatch(rf"http://127\.0\.0\.1:\d+/labs/{LAB}/", address)
            with contextlib.closing(urllib.request.urlopen(address)) as answer:
                page = re.sub(r"<[^>]+>", "", answer.read().decode())
        finally:
            serving.send_signal(signal.SIGINT)
    drawn = choose(load(labs / LAB).lab, SEED)
    assert f"kubectl label namespace {drawn['namespace']} istio.io/dataplane-mode=ambient" in page
    assert f"what seed {SEED} draws" in page


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_nothing_stays_behind_however_it_is_ended(labs, tmp_path, number):
    pytest.importorskip("material", reason="needs the extra [site]")
    (tmp_path / "tmp").mkdir()
    command = [sys.executable, "-m", "labcheck", "docs", "--no-open", "--labs", str(labs)]
    surroundings = os.environ | {"TMPDIR": str(tmp_path / "tmp"), "LABCHECK_STATE": str(tmp_path / "state")}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=surroundings
    ) as serving:
        assert serving.stdout is not None
        assert serving.stdout.readline().startswith("http://")
        assert list((tmp_path / "tmp").iterdir())
        serving.send_signal(number)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_what_is_missing_is_said(monkeypatch, capsys):
    monkeypatch.setattr(docs, "find_spec", lambda name: None)
    assert run(["docs", "--no-open"], Session()) == 3
    assert 'pip install "labcheck[site]"' in capsys.readouterr().err
