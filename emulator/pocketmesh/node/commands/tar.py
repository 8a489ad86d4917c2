"""tar, as far as `kubectl cp` needs it: to standard output, and from standard input."""

from __future__ import annotations

import io
import posixpath
import tarfile
from collections.abc import Sequence

from pocketmesh.node.process import Files, Invocation


async def tar(invocation: Invocation) -> int:
    """`tar cf - PATH…`, `tar xf - -C DIRECTORY`, `tar tf -`."""
    words, directory = list(invocation.argv[1:]), invocation.cwd
    plain: list[str] = []
    flags = words.pop(0).lstrip("-") if words else ""
    while words:
        word = words.pop(0)
        if word in ("-C", "--directory") and words:
            directory = absolute(directory, words.pop(0))
        elif word == "-f" and words:
            flags += "f"
            plain.insert(0, words.pop(0))
        elif word.startswith("-") and word != "-":
            flags += word.lstrip("-")
        else:
            plain.append(word)
    archive = plain.pop(0) if "f" in flags and plain else "-"
    if archive != "-":
        await invocation.stderr.write(b"tar: only standard input and output are emulated here\n")
        return 1
    if "c" in flags:
        return await _create(invocation, directory, plain)
    return await _extract(invocation, directory, listing="t" in flags)


async def _create(invocation: Invocation, directory: str, paths: list[str]) -> int:
    data, missing = packed(invocation.container.files, directory, paths)
    for path in missing:
        await invocation.stderr.write(f"tar: {path}: Cannot stat: No such file or directory\n".encode())
    await invocation.stdout.write(data)
    return 2 if missing else 0


async def _extract(invocation: Invocation, directory: str, *, listing: bool) -> int:
    chunks = []
    while chunk := await invocation.stdin.read():
        chunks.append(chunk)
    try:
        members = unpacked(b"".join(chunks))
    except tarfile.TarError as error:
        await invocation.stderr.write(f"tar: {error}\n".encode())
        return 1
    for name, content in members.items():
        if listing:
            await invocation.stdout.write(f"{name}\n".encode())
            continue
        try:
            invocation.container.files.write(absolute(directory, name), content)
        except OSError as error:
            await invocation.stderr.write(f"tar: can't open '{name}': {error.strerror}\n".encode())
            return 1
    return 0


def packed(files: Files, directory: str, paths: Sequence[str]) -> tuple[bytes, list[str]]:
    """An archive of files and directories, and which of the paths there are not."""
    missing, buffer = [], io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in paths:
            base = absolute(directory, path)
            found = files.below(base)
            if not found and not files.exists(base):
                missing.append(path)
            for name in found:
                content = files.read(name)
                shown = name.lstrip("/") if path.startswith("/") else posixpath.relpath(name, directory)
                member = tarfile.TarInfo(shown)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue(), missing


def unpacked(data: bytes) -> dict[str, bytes]:
    """The files of an archive. Raises tarfile.TarError."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content is not None:
                found[member.name] = content.read()
    return found


def absolute(directory: str, path: str) -> str:
    """A path as the container sees it."""
    return posixpath.normpath(posixpath.join(directory, path))
