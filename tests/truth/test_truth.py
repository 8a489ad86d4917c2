"""Every row of the tables, through real curl in pods of a cluster that runs as it is shipped."""

from __future__ import annotations

import pytest

from .conftest import Answers
from .situations import ROWS
from .tables import Row


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_traffic(row: Row, answers: Answers) -> None:
    observed = answers[row]
    assert observed.outcome == row.outcome, (
        f"{row}\nexpected {row.outcome}: {row.why}\nobserved curl {observed.code}:\n{observed.printed}"
    )
