"""The Rust library `common-expression-language`, without the command line tool that its package imports.

`import cel` runs `cel/__init__.py`, which imports a CLI with typer and rich: 0.2 s and 20 MB that no rule
needs. The language itself is the extension module `cel.cel`. It is loaded here straight from its file, in
15 ms and 5 MB; if the package is ever laid out differently, the plain import still works.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
from functools import cache
from importlib.machinery import PathFinder
from types import ModuleType


@cache
def engine() -> ModuleType:
    """The module with `compile`, `Context` and `OptionalValue`.

    It logs each error of a Python function as well as raising it; what a rule does to bad input is no news,
    so that log is silenced.
    """
    logging.getLogger("cel").setLevel(logging.CRITICAL)
    package = importlib.util.find_spec("cel")
    found = PathFinder.find_spec("cel", package.submodule_search_locations) if package else None
    if found is None or found.loader is None:
        return importlib.import_module("cel")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module
