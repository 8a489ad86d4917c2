from __future__ import annotations

import pytest

from labcheck.environments.kind.versions import versions


@pytest.mark.parametrize(
    ("tool", "version", "fits"),
    [
        ("kind", "0.27.0", False),
        ("kind", "0.32.0", True),
        ("kind", "v0.33.0-alpha+1", True),
        ("kubectl", "1.34.9", False),
        ("kubectl", "1.37.0", True),
        ("istioctl", "1.31.0", False),
        ("helm", "3.9.0", False),
        ("helm", "4.3.1", True),
        ("helm", "", False),
    ],
)
def test_versions_are_compared_as_numbers(tool: str, version: str, *, fits: bool) -> None:
    assert versions().tools[tool].fits(version) is fits


def test_what_is_fetched_fits() -> None:
    assert all(tool.fits(tool.version) for tool in versions().tools.values())


def test_the_parts_speak_of_the_same_istio() -> None:
    table = versions()
    assert table.tools["istioctl"].version == table.istio
    assert all(f":{table.istio}" in image for image in table.istio_images)
