from __future__ import annotations

import hashlib
import io
import socketserver
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from labcheck.environments import download, tools
from labcheck.environments.kind.versions import Tool
from labcheck.errors import EnvironmentTrouble

TOOL = Tool("kind", "0.32.0", "0.32", "0.34", ("version",), "", ".sha256sum")


def program(folder: Path, says: str, name: str = "kind") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\necho '{says}'\n")
    (folder / name).chmod(0o755)
    return folder / name


@pytest.mark.parametrize(
    ("says", "version", "fits"),
    [
        pytest.param("kind v0.33.0 go1.24 linux/amd64", "0.33.0", True, id="kind"),
        pytest.param('GitVersion:"v1.20.2", GitCommit', "1.20.2", False, id="an old kubectl"),
        pytest.param("nothing of the kind", "", False, id="no version"),
    ],
)
def test_a_program_is_asked_for_its_version(tmp_path: Path, says: str, version: str, *, fits: bool) -> None:
    found = tools.look(TOOL, str(program(tmp_path, says)))
    assert (found.version, found.fits) == (version, fits)


def test_the_first_that_fits_is_taken(tmp_path: Path) -> None:
    program(tmp_path / "old", "kind v0.27.0")
    newer = program(tmp_path / "new", "kind v0.32.0")
    found = tools.find(TOOL, f"{tmp_path}/old:{tmp_path}/new")
    assert found is not None
    assert (found.path, found.fits) == (str(newer), True)


def test_else_the_first(tmp_path: Path) -> None:
    old = program(tmp_path / "old", "kind v0.27.0")
    found = tools.find(TOOL, f"/nowhere:{tmp_path}/old")
    assert found is not None
    assert (found.path, found.fits) == (str(old), False)
    assert tools.find(TOOL, "/nowhere") is None


def test_a_stand_in_of_the_embedded_cluster_does_not_count(tmp_path: Path) -> None:
    stand_in = program(tmp_path / "environments" / "lab-03-waypoint" / "bin", "kind v0.32.0")
    (stand_in.parents[1] / "record.json").write_text("{}")
    assert tools.find(TOOL, str(stand_in.parent)) is None


def test_fetched_programs_come_last_and_once(tmp_path: Path) -> None:
    path = tools.search_path(tmp_path, "/usr/bin")
    assert path == f"/usr/bin:{tmp_path}/tools"
    assert tools.search_path(tmp_path, path) == path


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def publisher(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address under which it is published."""
    folder = tmp_path / "published"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def publish(folder: Path, name: str, data: bytes, checksum: str = "") -> None:
    (folder / name).write_bytes(data)
    listed = f"{'0' * 64}  another-file\n{checksum or hashlib.sha256(data).hexdigest()}  {name}\n"
    (folder / f"{name}.sha256sum").write_text(listed)


def test_a_program_is_fetched_and_can_be_run(publisher: tuple[Path, str], tmp_path: Path) -> None:
    folder, address = publisher
    publish(folder, "kind-0.32.0", b"#!/bin/sh\necho kind v0.32.0\n")
    fetched = download.install(replace(TOOL, url=address + "/kind-{version}"), tmp_path / "tools")
    assert tools.look(TOOL, str(fetched)).fits
    assert [it.name for it in (tmp_path / "tools").iterdir()] == ["kind"]


def test_a_program_is_taken_out_of_its_archive(publisher: tuple[Path, str], tmp_path: Path) -> None:
    folder, address = publisher
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name, content in (("./README", b"read"), ("./bin/kind", b"program")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    publish(folder, "kind.tar.gz", data.getvalue())
    tool = replace(TOOL, url=address + "/kind.tar.gz", member="bin/kind")
    assert download.install(tool, tmp_path / "tools").read_bytes() == b"program"
    with pytest.raises(EnvironmentTrouble, match="does not contain elsewhere"):
        download.install(replace(tool, member="elsewhere"), tmp_path / "tools")


def test_a_program_that_was_changed_on_its_way_is_thrown_away(
    publisher: tuple[Path, str], tmp_path: Path
) -> None:
    folder, address = publisher
    publish(folder, "kind", b"something else", checksum="1" * 64)
    with pytest.raises(EnvironmentTrouble, match="is not what its publisher offers"):
        download.install(replace(TOOL, url=address + "/kind"), tmp_path / "tools")
    assert not (tmp_path / "tools").exists()


def test_without_a_checksum_nothing_is_trusted(publisher: tuple[Path, str], tmp_path: Path) -> None:
    folder, address = publisher
    (folder / "kind").write_bytes(b"program")
    with pytest.raises(EnvironmentTrouble, match="cannot be fetched") as raised:
        download.install(replace(TOOL, url=address + "/kind"), tmp_path / "tools")
    assert "kind.sha256sum: " in raised.value.evidence


def test_without_internet_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentTrouble, match=r"kind 0\.32\.0 cannot be fetched") as raised:
        download.install(replace(TOOL, url="http://127.0.0.1:9/kind"), tmp_path / "tools")
    assert "HTTPS_PROXY" in raised.value.next_step


class Refusing(socketserver.StreamRequestHandler):
    """A proxy that lets nobody through."""

    def handle(self) -> None:
        while self.rfile.readline().strip():
            pass
        self.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")


def test_a_proxy_that_refuses_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Refusing) as proxy:
        threading.Thread(target=proxy.serve_forever, args=(0.02,), daemon=True).start()
        monkeypatch.setattr("urllib.request._opener", None)  # it has read the proxies once and for all
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.server_address[1]}")
        with pytest.raises(EnvironmentTrouble, match="cannot be fetched") as raised:
            download.install(replace(TOOL, url="https://labcheck.invalid/kind"), tmp_path / "tools")
        proxy.shutdown()
    assert "407 Proxy Authentication Required" in raised.value.evidence
    assert not (tmp_path / "tools").exists()
