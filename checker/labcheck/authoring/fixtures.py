"""Labs for tests in suites of your own: an option and a fixture, for `pytest_plugins` in a conftest.py.

It is no plugin that pytest finds by itself: nobody's suite changes because labcheck is installed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from labcheck.environments.choice import provider_for
from labcheck.environments.lifecycle import down, up
from labcheck.environments.state import EnvironmentFolder, StateFolder
from labcheck.lab.load import load
from labcheck.lab.model import PROVIDERS
from labcheck.lab.pages import under_prefix
from labcheck.lab.variant import DEFAULT_SEED, variant

StartLab: TypeAlias = Callable[..., EnvironmentFolder]


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("labcheck")
    group.addoption("--provider", choices=PROVIDERS, help="what runs labs; else each lab's first choice")
    group.addoption("--lab-context", default="", metavar="NAME", help="the cluster, with --provider existing")


@pytest.fixture(scope="session")
def start_lab(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartLab]:
    """Brings up the lab in a folder, once a session; what it gives has the kubeconfigs."""
    state = StateFolder(tmp_path_factory.mktemp("labcheck"))

    def start(lab: Path, seed: int = DEFAULT_SEED) -> EnvironmentFolder:
        made = variant(load(lab), seed)
        options = pytestconfig.getoption("--provider"), pytestconfig.getoption("--lab-context")
        runner = provider_for(made.lab, *options)
        up(state, under_prefix(made, runner.prefix), runner, print)
        return state.environment(made.lab.id)

    yield start
    for folder in state.environments():
        down(state, folder.path.name)
