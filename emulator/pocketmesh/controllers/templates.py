"""Telling pod templates apart: the hash in names and labels, and equality."""

from __future__ import annotations

from typing import Final

import orjson

from pocketmesh.objects import Object, copied

HASH_LABEL: Final = "pod-template-hash"
_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"  # no vowels: a hash never spells a word


def template_hash(template: Object, collisions: int = 0) -> str:
    """Ten characters that stand for a pod template. Upstream hashes Go's memory layout, so the value
    differs from a real cluster's while its form does not (pkg/controller/controller_utils.go ComputeHash)."""
    value = 0x811C9DC5
    for byte in orjson.dumps([template, collisions], option=orjson.OPT_SORT_KEYS):
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return "".join(_ALPHABET[ord(digit) % len(_ALPHABET)] for digit in f"{value:010d}")


def same_template(one: Object, other: Object) -> bool:
    """Whether two pod templates are equal but for the hash label."""
    return _bare(one) == _bare(other)


def _bare(template: Object) -> Object:
    bare = copied(template)
    labels = (bare.get("metadata") or {}).get("labels") or {}
    labels.pop(HASH_LABEL, None)
    return bare
