"""What Istio's programs tell of themselves."""

from __future__ import annotations

import pytest

from pocketmesh.istio.telemetry.programs import cni_page, istiod_page
from pocketmesh.versions import ISTIO


@pytest.mark.parametrize(
    "line",
    [
        f'istio_build{{component="pilot",tag="{ISTIO}"}} 1.0',
        f'pilot_xds{{version="{ISTIO}"}} 3.0',
        "pilot_services 4.0",
        "pilot_virt_services 0.0",
        "istiod_uptime_seconds 2.5",
    ],
)
def test_istiod_says(line: str) -> None:
    assert line in istiod_page(uptime=2.5, proxies=3, services=4, virtual_services=0).decode().splitlines()


@pytest.mark.parametrize(
    "line",
    [
        f'istio_build{{component="cni",tag="{ISTIO}"}} 1.0',
        'istio_cni_installs_total{result="SUCCESS"} 1.0',
        "istio_cni_install_ready 1.0",
        "ztunnel_connected 0.0",
    ],
)
def test_istio_cni_says(line: str) -> None:
    assert line in cni_page(ztunnels=0).decode().splitlines()
