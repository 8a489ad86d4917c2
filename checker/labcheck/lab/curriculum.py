"""What the ICA exam asks since August 2025: its domains, their weights and their competencies.

The only list of them. A lab says by these ids what it practises; the page about the exam is made from that.
https://training.linuxfoundation.org/istio-certified-associate-ica-program-changes/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

DomainName: TypeAlias = Literal[
    "Installation, Upgrades & Configuration",
    "Traffic Management",
    "Securing Workloads",
    "Troubleshooting",
]


@dataclass(frozen=True, slots=True)
class Domain:
    """A part of the exam; `competencies` are ids with what they mean."""

    name: DomainName
    weight: int
    """In per cent of the exam."""
    competencies: dict[str, str]


CURRICULUM = (
    Domain(
        "Installation, Upgrades & Configuration",
        20,
        {
            "install": "Install Istio with istioctl or Helm",
            "modes": "Run sidecars or ambient mode",
            "customise": "Customise an installation",
            "upgrade": "Upgrade Istio, by canary or in place",
        },
    ),
    Domain(
        "Traffic Management",
        35,
        {
            "ingress-egress": "Let traffic in and out",
            "routing": "Route within the mesh",
            "destination-rules": "Set traffic policies with DestinationRules",
            "shifting": "Shift traffic",
            "external-workloads": "Connect to workloads and services outside the mesh",
            "resilience": "Break circuits, fail over, detect outliers, time out and retry",
            "faults": "Inject faults",
        },
    ),
    Domain(
        "Securing Workloads",
        25,
        {
            "authorization": "Authorise callers",
            "authentication": "Authenticate callers, by mutual TLS and by tokens",
            "edge-tls": "Secure traffic at the edge with TLS",
        },
    ),
    Domain(
        "Troubleshooting",
        20,
        {
            "troubleshoot-configuration": "Troubleshoot configuration",
            "troubleshoot-control-plane": "Troubleshoot the control plane",
            "troubleshoot-data-plane": "Troubleshoot the data plane",
        },
    ),
)
COMPETENCIES = {id_: name for domain in CURRICULUM for id_, name in domain.competencies.items()}


def domain(name: DomainName) -> Domain:
    """The domain of that name."""
    return next(it for it in CURRICULUM if it.name == name)
