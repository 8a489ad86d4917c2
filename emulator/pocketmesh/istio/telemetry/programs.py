"""What Istio's programs tell of themselves: a few figures, each of which is true here.

Names: istio/istio pilot/pkg/{xds,model}/monitoring.go, cni/pkg/{install,nodeagent}/monitoring.go.
"""

from __future__ import annotations

from pocketmesh.istio.telemetry.counting import Counter, Gauge, page
from pocketmesh.versions import ISTIO


def build(*components: str) -> Gauge:
    """Which release a pod's programs are of."""
    found = Gauge("istio_build", "Istio component build info")
    for component in components:
        found.set({"component": component, "tag": ISTIO}, 1)
    return found


def istiod_page(*, uptime: float, proxies: int, services: int, virtual_services: int) -> bytes:
    """What istiod says at port 15014: how many proxies follow it, and how much it has to tell them."""
    return page(
        (
            build("pilot"),
            _figure("istiod_uptime_seconds", "How long istiod has run", uptime),
            _figure("pilot_services", "Services known to pilot", services),
            _figure("pilot_virt_services", "Virtual services known to pilot", virtual_services),
            _figure("pilot_xds", "Proxies connected to this pilot", proxies, version=ISTIO),
        )
    )


def cni_page(*, ztunnels: int) -> bytes:
    """What istio-cni says at port 15014: that it is installed, and whether ztunnel is there."""
    installs = Counter("istio_cni_installs", "Installations by the istio-cni installer")
    installs.add({"result": "SUCCESS"})
    return page(
        (
            build("cni"),
            installs,
            _figure("istio_cni_install_ready", "Whether istio-cni is installed", 1),
            _figure("ztunnel_connected", "Connections to ztunnel", ztunnels),
        )
    )


def _figure(name: str, text: str, value: float, **labels: str) -> Gauge:
    found = Gauge(name, text)
    found.set(labels, value)
    return found
