"""Compiled modules, kept also where Python is told to leave none beside their sources.

Some machines set PYTHONDONTWRITEBYTECODE, and a checkout has no compiled modules until somebody writes them:
every start would then compile all of this package anew, which takes longer than the start itself. The ones
that pip has compiled are left to be read where they are.
"""

from __future__ import annotations

import os
import sys


def keep_bytecode() -> None:
    """Lets modules imported from here on be kept in the user's cache, if nothing keeps them now."""
    beside = __spec__.cached
    if not sys.dont_write_bytecode or sys.pycache_prefix or (beside and os.path.exists(beside)):
        return
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    sys.pycache_prefix = os.path.join(cache, "labcheck", "bytecode")
    sys.dont_write_bytecode = False
