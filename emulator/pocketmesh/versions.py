"""The versions this cluster speaks for; every other module asks here."""

from __future__ import annotations

from typing import Final

KUBERNETES: Final = "1.36.1"
GATEWAY_API: Final = "1.5.1"
ISTIO: Final = "1.30.3"
