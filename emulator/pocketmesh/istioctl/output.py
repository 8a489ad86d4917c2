"""Data as YAML, for those who ask for it: most runs do not, and are done before its parser is imported."""

from __future__ import annotations


def as_yaml(data: object) -> str:
    """The document without a newline at its end."""
    import yaml

    return yaml.safe_dump(data).rstrip()
