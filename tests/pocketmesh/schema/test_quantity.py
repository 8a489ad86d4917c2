"""Quantities are stored in one form, and refused in Kubernetes' words."""

from __future__ import annotations

import pytest

from pocketmesh.schema import quantity


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("0.5", "500m"),
        (0.1, "100m"),
        ("1.5", "1500m"),
        ("1000m", "1"),
        ("1500", "1500"),
        ("2000", "2k"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("128Mi", "128Mi"),
        ("512", "512"),
        ("1e3", "1e3"),
        ("12E", "12E"),
        ("0", "0"),
        ("-250m", "-250m"),
        (2, "2"),
        (" 1 ", "1"),
        ("1n", "1n"),
        ("0.1n", "1n"),
    ],
)
def test_a_quantity_has_one_canonical_form(given, stored):
    assert quantity.canonical(given) == stored


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("a lot", "quantities must match the regular expression"),
        (True, "quantities must match the regular expression"),
        ("1.2.3", "unable to parse numeric part of quantity"),
        ("1KiB", "quantities must match the regular expression"),
        ("1iK", "unable to parse quantity's suffix"),
    ],
)
def test_what_is_no_quantity_is_refused(given, complaint):
    with pytest.raises(ValueError, match=complaint):
        quantity.parse(given)
