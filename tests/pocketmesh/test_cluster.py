from __future__ import annotations

from pathlib import Path

import pytest

from pocketmesh import cluster
from pocketmesh.cluster import Cluster, Place


async def test_a_cluster_that_does_not_get_ready_in_time_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_PATIENCE", 0.0)
    (tmp_path / "state").mkdir()
    late = Cluster(Place(tmp_path / "state", tmp_path / "run"))
    try:
        with pytest.raises(TimeoutError, match="not ready after 0 s"):
            await late.open("none")
    finally:
        await late.close()
