"""The role that fetches and loads images, through ansible-runner, against a real engine and a real kind."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from labcheck.environments.kind import play as plays
from labcheck.errors import EnvironmentTrouble

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def inputs(inputs: dict[str, Any], endpoint: str) -> dict[str, Any]:
    return inputs | {"variables": {"DOCKER_HOST": endpoint}}


def results(folder: Path, task: str) -> list[dict[str, Any]]:
    """What the tasks of that name came to."""
    found = [json.loads(it.read_text()) for it in (folder / "artifacts" / "up" / "job_events").glob("*.json")]
    return [
        it["event_data"]["res"]
        for it in found
        if it["event"] == "runner_on_ok" and it["event_data"]["task"].endswith(task)
    ]


def test_an_image_that_is_here_is_not_fetched(inputs: dict[str, Any], image: str, tmp_path: Path) -> None:
    folder = tmp_path / "play"
    steps = plays.play(folder, {**inputs, "images": [image]}, print)
    assert "Fetch the image tiny_1.0" not in [it["step"] for it in steps]
    # A cluster without nodes has nowhere to load it; its nodes would pull it themselves.
    (loaded,) = results(folder, "Load the image")
    assert "no nodes found for cluster" in loaded["stderr"]


def test_what_kind_cannot_load_is_saved_for_one_platform_and_loaded_from_a_file(
    inputs: dict[str, Any], image: str, tmp_path: Path
) -> None:
    folder, said = tmp_path / "play", list[str]()
    plays.play(folder, {**inputs, "images": [image]}, said.append)
    (saved,) = results(folder, "Write the image into a file")
    assert saved["rc"] == 0, saved["stderr"]
    (loaded,) = results(folder, "Load the image from its file")
    assert "no nodes found for cluster" in loaded["stderr"]
    assert any(re.match(r"Load the image tiny_1.0 did not work \(.* s\); going on", text) for text in said)
    assert list((folder / "archives").iterdir()) == []


def test_an_image_that_nobody_has_is_said_with_what_to_do(inputs: dict[str, Any], tmp_path: Path) -> None:
    absent = "labcheck.invalid/nothing:1"
    with pytest.raises(EnvironmentTrouble, match="The step `Fetch the image nothing_1` failed") as raised:
        plays.play(tmp_path / "play", {**inputs, "images": [absent]}, print)
    assert "labcheck.invalid" in raised.value.evidence
    assert "There is no way to the internet" in raised.value.next_step
