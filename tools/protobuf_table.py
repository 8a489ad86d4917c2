"""Writes the table of protobuf field numbers that `pocketmesh.schema.protobuf` reads.

    python tools/protobuf_table.py $(go env GOMODCACHE)/k8s.io/{api,apimachinery}@v0.36.1 \
        > emulator/pocketmesh/schema/protobuf.txt

Numbers and types come from the modules' `generated.proto` files; how a field is called in JSON, whether
it is inlined and whether its zero value is left out come from the tags in their `types.go`. Only what
the built-in kinds need is written. The format is described in `pocketmesh/schema/protobuf.py`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pocketmesh.schema.builtin.table import builtin_kinds

_PACKAGE = re.compile(r"^package k8s\.io\.([\w.]+);", re.MULTILINE)
_MESSAGE = re.compile(r"^message (\w+) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(
    r"^\s*(?P<label>optional|repeated)?\s*(?P<type>map<string, [\w.]+>|[\w.]+) \w+ = (?P<number>\d+);",
    re.MULTILINE,
)
_STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_TAGS = re.compile(r"^\s*(?:\w+\s+)?(?P<type>[\w.*\[\]]+)\s+`(?P<tags>[^`]*)`", re.MULTILINE)
_JSON = re.compile(r'json:"([^"]*)"')
_NUMBER = re.compile(r'protobuf:"\w+,(\d+),')
_SCALARS = frozenset({"string", "bytes", "bool", "int32", "int64", "double"})
# Read by code of their own, because their JSON is not what their fields look like.
_SPECIAL = frozenset(
    {
        "api.resource.Quantity",
        "meta.v1.FieldsV1",
        "meta.v1.MicroTime",
        "meta.v1.Time",
        "runtime.RawExtension",
        "util.intstr.IntOrString",
    }
)
_ALSO = (
    "authentication.v1.TokenRequest",
    "autoscaling.v1.Scale",
    "meta.v1.DeleteOptions",
    "policy.v1.Eviction",
)


@dataclass(frozen=True)
class Tags:
    """How Go writes a field as JSON."""

    name: str
    inline: bool
    omit_zero: bool


def short(package: str) -> str:
    """`api.core.v1` is `core.v1`, `apimachinery.pkg.apis.meta.v1` is `meta.v1`."""
    return package.removeprefix("api.").removeprefix("apimachinery.pkg.").removeprefix("apis.")


def tags(source: str) -> dict[str, dict[int, Tags]]:
    """The tags of every struct in a Go file."""
    found: dict[str, dict[int, Tags]] = {}
    for struct, body in _STRUCT.findall(source):
        for match in _TAGS.finditer(body):
            json, number = _JSON.search(match["tags"]), _NUMBER.search(match["tags"])
            if json is None or number is None:
                continue
            name, *options = json[1].split(",")
            scalar = not match["type"].startswith(("*", "[", "map"))
            entry = Tags(name, "inline" in options, scalar and "omitempty" in options)
            found.setdefault(struct, {})[int(number[1])] = entry
    return found


def messages(proto: Path) -> Iterator[tuple[str, list[str]]]:
    """Each message of a package, as lines of the table."""
    text = proto.read_text()
    package = _PACKAGE.search(text)
    if package is None:
        return
    here = short(package[1])
    known: dict[str, dict[int, Tags]] = {}
    for source in sorted(proto.parent.glob("*.go")):
        known.update(tags(source.read_text()))
    for name, body in _MESSAGE.findall(text):
        lines = [line(match, known.get(name, {}), here) for match in _FIELD.finditer(body)]
        yield f"{here}.{name}", [entry for entry in lines if entry]


def line(match: re.Match[str], known: dict[int, Tags], package: str) -> str:
    """One field: number, name in JSON, type."""
    number, kind = int(match["number"]), match["type"]
    shape = ""
    if kind.startswith("map<"):
        kind, shape = kind.removeprefix("map<string, ").removesuffix(">"), "{}"
    elif match["label"] == "repeated":
        shape = "[]"
    if kind not in _SCALARS:
        prefix = kind.startswith(".") and kind.removeprefix(".k8s.io.")
        kind = (
            f"{short(prefix.rpartition('.')[0])}.{prefix.rpartition('.')[2]}"
            if prefix
            else f"{package}.{kind}"
        )
    entry = known.get(number)
    if entry is None:
        # A message without a struct stands for a list (`type ExtraValue []string`).
        return "" if known else f"{number} . {kind}{shape}"
    optional = "?" if entry.omit_zero and not shape and kind in _SCALARS else ""
    return f"{number} {'-' if entry.inline else entry.name} {kind}{shape}{optional}"


def main(modules: list[str]) -> None:
    """Prints the closure of what clients send."""
    table: dict[str, list[str]] = {}
    for module in modules:
        for proto in sorted(Path(module).rglob("generated.proto")):
            table.update(messages(proto))
    kinds = (
        f"{kind.group.partition('.')[0] or 'core'}.{kind.version}.{kind.kind}" for kind in builtin_kinds()
    )
    pending, done = [*kinds, *_ALSO], set[str]()
    while pending:
        name = pending.pop()
        if name in done or name in _SPECIAL or name not in table:
            continue
        done.add(name)
        pending += [re.sub(r"[\[\]{}?]", "", entry.split(" ")[2]) for entry in table[name]]
    for name in sorted(done):
        print(name, *(f" {entry}" for entry in table[name]), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
