"""What every run of checks needs, imported before it is known what to run."""

from __future__ import annotations

import gc
from importlib import import_module

from labcheck.kube import import_client


def import_ahead() -> None:
    """Imports pytest with its plugins, ours, and the cluster's client."""
    from _pytest.config import default_plugins

    import_client()
    for name in default_plugins:
        import_module(f"_pytest.{name}")
    import_module("labcheck.checks.plugin")
    gc.freeze()  # what was imported is no garbage, and stays as it is: forks go on sharing its memory
