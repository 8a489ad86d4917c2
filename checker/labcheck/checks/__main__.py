"""The checks' process: imports what checks need, reads one order from standard input, and runs pytest.

The order is the JSON of a `labcheck.grading.launch.PytestRun`. It comes late, so that the imports and
whatever is still to be found out take place at the same time.
"""

from __future__ import annotations

import json
import os
import sys
from typing import NoReturn

import pytest

from labcheck.checks.ahead import import_ahead


def main() -> NoReturn:
    import_ahead()
    order = json.load(sys.stdin)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["variables"])
    with open(os.devnull, "rb") as nothing, open(order["output"], "wb") as output:
        for ours, theirs in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(ours.fileno(), theirs)
    code = pytest.main(order["arguments"])
    sys.stdout.flush()
    os._exit(code)  # whoever waits for verdicts does not wait for Python to tidy up, or for a check's threads


if __name__ == "__main__":
    main()
