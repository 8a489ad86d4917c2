"""Command lines as Go's cobra and its own flag package read them, as far as emulated programs have flags."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field


class WrongUsage(Exception):
    """cobra's own words about a command line that it does not take."""


@dataclass
class Flags:
    """Values by long name in the order given, and what is not a flag."""

    values: dict[str, list[str]] = field(default_factory=dict)
    plain: list[str] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        """Every value of a flag."""
        return self.values.get(name, [])

    def last(self, name: str, default: str = "") -> str:
        """The value that counts."""
        return self.values.get(name, [default])[-1]

    def number(self, name: str, default: int) -> int:
        """A whole number. Raises WrongUsage."""
        return _number(name, self.last(name, str(default)))

    def numbers(self, name: str, default: list[int]) -> list[int]:
        """Whole numbers, given one by one or with commas between them. Raises WrongUsage."""
        words = [word for value in self.all(name) for word in value.split(",")]
        return [_number(name, word) for word in words] if words else default

    def on(self, name: str) -> bool:
        """Whether a switch is on."""
        return self.last(name, "false") not in ("false", "0", "f", "F", "FALSE", "False")


def doubled(words: list[str]) -> list[str]:
    """A command line for Go's flag package, where one dash does for two, as cobra would have it."""
    return [f"-{word}" if word[:1] == "-" and word[1:2].isalpha() else word for word in words]


def parse(
    words: list[str], *, valued: Collection[str], switches: Collection[str], short: Mapping[str, str]
) -> Flags:
    """`--name=value`, `--name value`, `-nvalue`, `-n value`. Raises WrongUsage."""
    flags, rest = Flags(), list(words)
    while rest:
        word = rest.pop(0)
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            shown = f"--{name}"
        elif word.startswith("-") and len(word) > 1:
            name, value = short.get(word[1], ""), word[2:].removeprefix("=")
            equals, shown = value, f"{word[1]!r} in {word}"
        else:
            flags.plain.append(word)
            continue
        if name in switches:
            flags.values.setdefault(name, []).append(value if equals else "true")
        elif name in valued:
            if not equals and not rest:
                raise WrongUsage(f"flag needs an argument: {shown}")
            flags.values.setdefault(name, []).append(value if equals else rest.pop(0))
        else:
            kind = "flag" if word.startswith("--") else "shorthand flag"
            raise WrongUsage(f"unknown {kind}: {shown}")
    return flags


def _number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        why = f'strconv.ParseInt: parsing "{text}": invalid syntax'
        raise WrongUsage(f'invalid argument "{text}" for "--{name}" flag: {why}') from None
