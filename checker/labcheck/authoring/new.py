"""Making a lab to begin with: small, whole and running, with every place marked that waits for its author.

It passes `lint`. `verify` fails until nothing is marked any more, and says what is.
"""

from __future__ import annotations

import re
from pathlib import Path

from labcheck.errors import UsageError
from labcheck.lab.find import lab_folders
from labcheck.lab.variant import pick

TEMPLATES = ("guided", "challenge", "troubleshooting")
_SKELETON = Path(__file__).parent / "skeleton"
_ID = re.compile(r"lab-(\d+)-[a-z0-9]+(-[a-z0-9]+)*")
_NAMES = (
    *("harbour", "orchard", "bakery", "foundry", "library", "market", "garden", "station"),
    *("mill", "dairy", "chapel", "forge", "ferry", "inn", "pier", "quarry"),
)


def new(labs: Path, lab_id: str, template: str) -> list[Path]:
    """Writes the lab into the folder `labs`, made if need be; returns its files. Raises UsageError."""
    named = _ID.fullmatch(lab_id)
    if not named:
        raise UsageError(
            f"`{lab_id}` is no id for a lab.",
            next_step="Give a number and a name: labcheck new lab-07-gateway",
        )
    for folder in lab_folders(labs):
        if re.match(rf"lab-0*{int(named[1])}(-|$)", folder.name):
            raise UsageError(
                f"The number {int(named[1])} belongs to {folder.name}.", next_step="Choose another number."
            )
    folder = labs / lab_id
    if folder.exists():
        raise UsageError(f"{folder} exists already.", next_step="Choose another name, or remove it.")
    words = {
        "@ID@": lab_id,
        "@SHORT@": f"lab-{named[1]}",
        "@TITLE@": lab_id.removeprefix(f"lab-{named[1]}-").replace("-", " ").capitalize(),
        "@NAMES@": ", ".join(_distinct(lab_id)),
    }
    for part in ("common", template):
        for source in sorted(path for path in (_SKELETON / part).rglob("*") if path.is_file()):
            text = source.read_text(encoding="utf-8")
            for word, value in words.items():
                text = text.replace(word, value)
            target = folder / source.relative_to(_SKELETON / part)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _distinct(lab_id: str) -> tuple[str, ...]:
    """As many names as it takes for the first seeds to draw different ones."""
    counts = range(4, len(_NAMES) + 1)
    drawn = {count: {pick(lab_id, "namespace", seed, count) for seed in (1, 2, 3)} for count in counts}
    return _NAMES[: max(counts, key=lambda count: (len(drawn[count]), -count))]
