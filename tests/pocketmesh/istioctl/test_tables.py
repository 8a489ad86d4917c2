from __future__ import annotations

import pytest

from pocketmesh.istioctl.tables import table
from pocketmesh.istioctl.waypoint import gateway, listing, statuses
from pocketmesh.istioctl.ztunnel_dump import Asked, shown
from pocketmesh.remote.errors import Failed

WAYPOINT = {
    **gateway("waypoint", "shop", "all"),
    "status": {
        "conditions": [{"type": "Programmed", "status": "True", "reason": "Programmed", "message": "fine"}]
    },
}
DUMP = {
    "workloads": [
        {
            "uid": "b",
            "name": "web",
            "namespace": "shop",
            "workloadIps": ["10.0.0.2"],
            "node": "n",
            "protocol": "HBONE",
        },
        {
            "uid": "a",
            "name": "db",
            "namespace": "data",
            "workloadIps": ["10.0.0.3"],
            "node": "n",
            "status": "Unhealthy",
        },
    ],
    "services": [
        {
            "name": "web",
            "namespace": "shop",
            "hostname": "web.shop.svc.cluster.local",
            "vips": ["/10.96.0.2"],
            "endpoints": {"a": {"workloadUid": "a"}, "b": {"workloadUid": "b"}},
            "waypoint": {"destination": "shop/web.shop.svc.cluster.local"},
        }
    ],
    "workloadState": {
        "b": {
            "info": {"name": "web", "namespace": "shop"},
            "connections": {
                "inbound": [{"src": "10.0.0.9:1", "actualDst": "10.0.0.2:80", "protocol": "TCP"}],
                "outbound": [
                    {
                        "src": "10.0.0.2:2",
                        "actualDst": "10.0.0.3:5",
                        "originalDst": "10.96.0.2:80",
                        "protocol": "HBONE",
                    }
                ],
            },
        }
    },
}


def lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert table([("A", "B"), ("long", "x")], 2) == "A     B\nlong  x"


def test_waypoints_are_listed_with_their_namespaces_when_there_may_be_many() -> None:
    assert lines(listing([WAYPOINT], everywhere=True)) == [
        "NAMESPACE NAME REVISION TRAFFIC TYPE PROGRAMMED",
        "shop waypoint default all True",
    ]


def test_a_waypoints_status_is_its_condition() -> None:
    assert lines(statuses([WAYPOINT]))[1] == "waypoint True Programmed Programmed fine"


def test_a_waypoint_cannot_be_called_none() -> None:
    with pytest.raises(Failed, match="'none' is a reserved value"):
        gateway("none", "shop")


@pytest.mark.parametrize(
    ("part", "asked", "rows"),
    [
        ("workload", Asked(), ["data db 10.0.0.3 n None TCP", "shop web 10.0.0.2 n None HBONE"]),
        ("workload", Asked(within="shop"), ["shop web 10.0.0.2 n None HBONE"]),
        ("service", Asked(), ["shop web 10.96.0.2 web 1/2"]),
        (
            "connections",
            Asked(),
            [
                "web.shop Inbound web.shop:80 10.0.0.9:1 TCP",
                "web.shop Outbound web.shop:2 db.data:5 web.shop.svc.cluster.local:80 HBONE",
            ],
        ),
        (
            "connections",
            Asked(direction="inbound", raw=True),
            ["web.shop Inbound 10.0.0.2:80 10.0.0.9:1 TCP"],
        ),
    ],
)
def test_a_part_of_a_dump_is_shown(part: str, asked: Asked, rows: list[str]) -> None:
    assert lines(shown(DUMP, part, asked))[1:] == rows
