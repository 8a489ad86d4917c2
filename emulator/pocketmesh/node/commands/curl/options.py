"""curl's command line: which options there are, and what they say together.

Pure. Spelling and refusals follow src/tool_getparam.c and src/tool_helpers.c of curl 8.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

USAGE: Final = 2
HINT: Final = "curl: try 'curl --help' or 'curl --manual' for more information"


class WrongUsage(Exception):
    """curl's own words about a command line that it does not take."""


@dataclass
class Options:
    """What was asked for. Switches by long name, values by long name, in the order given."""

    urls: list[str] = field(default_factory=list)
    switches: dict[str, bool] = field(default_factory=dict)
    values: dict[str, list[str]] = field(default_factory=dict)
    data: list[tuple[str, str]] = field(default_factory=list)
    """(option, argument) of every -d kind, which together make one body."""
    outputs: list[str | None] = field(default_factory=list)
    """For each URL in turn: the -o argument, None for -O."""

    def on(self, name: str) -> bool:
        """Whether a switch is on."""
        return self.switches.get(name, False)

    def all(self, name: str) -> list[str]:
        """Every argument of an option that may be repeated."""
        return self.values.get(name, [])

    def last(self, name: str, default: str = "") -> str:
        """The argument that counts when an option was repeated."""
        return self.values.get(name, [default])[-1]

    def number(self, name: str, default: float = 0.0) -> float:
        """A numeric argument; it was checked when it was parsed."""
        return float(self.values.get(name, [str(default)])[-1])


_SWITCHES: Final = {
    "silent": "s",
    "show-error": "S",
    "verbose": "v",
    "show-headers": "i",
    "include": "i",
    "head": "I",
    "fail": "f",
    "fail-with-body": "",
    "fail-early": "",
    "location": "L",
    "location-trusted": "",
    "insecure": "k",
    "get": "G",
    "http1.0": "0",
    "http1.1": "",
    "http2": "",
    "http2-prior-knowledge": "",
    "ipv4": "4",
    "ipv6": "6",
    "no-buffer": "N",
    "compressed": "",
    "globoff": "g",
    "progress-bar": "#",
    "progress-meter": "",
    "buffer": "",
    "keepalive": "",
    "remote-header-name": "J",
    "retry-connrefused": "",
    "retry-all-errors": "",
    "path-as-is": "",
    "parallel": "Z",
    "tlsv1": "1",
    "tlsv1.2": "",
    "tlsv1.3": "",
    "disable": "q",
    "create-dirs": "",
    "raw": "",
}
_VALUES: Final = {
    "output": "o",
    "write-out": "w",
    "header": "H",
    "request": "X",
    "data": "d",
    "data-ascii": "",
    "data-raw": "",
    "data-binary": "",
    "data-urlencode": "",
    "json": "",
    "user-agent": "A",
    "referer": "e",
    "cookie": "b",
    "user": "u",
    "oauth2-bearer": "",
    "max-time": "m",
    "connect-timeout": "",
    "retry": "",
    "retry-delay": "",
    "retry-max-time": "",
    "resolve": "",
    "connect-to": "",
    "cacert": "",
    "cert": "E",
    "key": "",
    "max-redirs": "",
    "range": "r",
    "dump-header": "D",
    "url": "",
    "parallel-max": "",
    "keepalive-time": "",
}
_NOT_EMULATED: Final = {
    "proxy": "x",
    "form": "F",
    "upload-file": "T",
    "config": "K",
    "cookie-jar": "c",
    "interface": "",
    "unix-socket": "",
    "abstract-unix-socket": "",
    "socks5": "",
    "socks5-hostname": "",
    "next": ":",
}
_BODIES: Final = ("data", "data-ascii", "data-raw", "data-binary", "data-urlencode", "json")
_NUMERIC: Final = ("max-time", "connect-timeout", "retry", "retry-delay", "retry-max-time", "max-redirs")
_SAME: Final = {"include": "show-headers", "location-trusted": "location", "data-ascii": "data"}
_LETTERS: Final = {
    letter: name for table in (_SWITCHES, _VALUES, _NOT_EMULATED) for name, letter in table.items() if letter
}


def parse(words: list[str]) -> Options:
    """The options of a command line without the program's name. Raises WrongUsage."""
    options, rest = Options(), list(words)
    positional = False
    while rest:
        word = rest.pop(0)
        if positional or not word.startswith("-") or word == "-":
            options.urls.append(word)
        elif word == "--":
            positional = True
        elif word.startswith("--"):
            _take_long(options, word, rest)
        else:
            _take_short(options, word, rest)
    return options


def _take_long(options: Options, word: str, rest: list[str]) -> None:
    name, value = word[2:], True
    if name not in _SWITCHES and name.startswith("no-") and name[3:] in _SWITCHES:
        name, value = name[3:], False
    if name in _SWITCHES:
        options.switches[_SAME.get(name, name)] = value
    elif name == "remote-name":
        options.outputs.append(None)
    elif name in _VALUES:
        _take_value(options, name, word, rest)
    else:
        _refuse(word, name)


def _take_short(options: Options, word: str, rest: list[str]) -> None:
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        name = _LETTERS.get(letter, "")
        if letter == "O":
            options.outputs.append(None)
        elif name in _SWITCHES:
            options.switches[_SAME.get(name, name)] = True
        elif name in _VALUES:
            _take_value(options, name, f"-{letter}", [letters, *rest] if letters else rest)
            if not letters:
                return
            letters = ""
        else:
            _refuse(f"-{letter}", name)


def _take_value(options: Options, name: str, spelled: str, rest: list[str]) -> None:
    if not rest:
        raise WrongUsage(f"option {spelled}: requires parameter")
    value = rest.pop(0)
    if name in _NUMERIC:
        try:
            float(value)
        except ValueError:
            raise WrongUsage(f"option {spelled}: expected a proper numerical parameter") from None
    if name == "url":
        options.urls.append(value)
    elif name == "output":
        options.outputs.append(value)
    elif name in _BODIES:
        options.data.append((_SAME.get(name, name), value))
    else:
        options.values.setdefault(name, []).append(value)


def _refuse(spelled: str, name: str) -> None:
    if name in _NOT_EMULATED:
        raise WrongUsage(f"option {spelled}: is not emulated in this cluster")
    raise WrongUsage(f"option {spelled}: is unknown")
