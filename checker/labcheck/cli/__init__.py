"""The command `labcheck`. Importing it imports click and nothing heavier; a verb imports what it needs."""

from labcheck.cli.main import main

__all__ = ["main"]
