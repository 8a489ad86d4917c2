"""Which objects of a setup a lab guards. See `labcheck.lab.model.Guard`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labcheck.errors import AuthorError, did_you_mean
from labcheck.lab.model import Guard
from labcheck.lab.variant import Variant


def guarded(
    variant: Variant, setup: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[Mapping[str, Any], Guard]]:
    """The objects of `setup`, manifests or what was applied, with the guard over each.

    Raises AuthorError for a guard over something that the setup does not have.
    """
    names = [f"{obj.get('kind')}/{(obj.get('metadata') or {}).get('name')}" for obj in setup]
    for index, guard in enumerate(variant.guarded):
        for position, wanted in enumerate(guard.objects):
            if wanted not in names:
                document = variant.source.document
                line = document.line(("guarded", index, "objects", position))
                text = f"The setup has no object `{wanted}`. {did_you_mean(wanted, names)}"
                raise AuthorError.at(document.path, line, text)
            yield from ((obj, guard) for obj, name in zip(setup, names, strict=True) if name == wanted)
