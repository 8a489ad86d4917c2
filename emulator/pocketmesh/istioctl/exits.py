"""The exit codes of istioctl (istioctl/cmd/sysexits.go)."""

from __future__ import annotations

from typing import Final

USAGE: Final = 64
UNREADABLE: Final = 65
FINDINGS: Final = 79
