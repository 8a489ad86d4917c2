"""What befalls a lab while it is made, with a real engine, a real kind and the real playbook."""

from __future__ import annotations

import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from labcheck.environments.kind import engine as engines
from labcheck.environments.kind import play as plays
from labcheck.environments.kind.advice import advice
from labcheck.environments.kind.engine import CLUSTER_LABEL, NETWORK
from labcheck.environments.kind.facts import Facts
from labcheck.environments.kind.provider import Kind
from labcheck.environments.kind.versions import versions
from labcheck.environments.lifecycle import down, up
from labcheck.environments.standing import statuses
from labcheck.environments.state import StateFolder
from labcheck.errors import EnvironmentTrouble
from labcheck.lab.load import load
from labcheck.lab.variant import variant

if TYPE_CHECKING:
    from .conftest import Daemon

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    # ansible-runner leaves the files of a run that was interrupted to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

_spec = spec_from_file_location("registry", Path(__file__).with_name("registry.py"))
assert _spec is not None
assert _spec.loader is not None
registries = module_from_spec(_spec)
_spec.loader.exec_module(registries)


@pytest.fixture
def registry() -> Iterator[Any]:
    with registries.serving() as found:
        yield found


def silent(text: str) -> None:
    pass


def test_an_image_is_pulled_once(
    daemon: Daemon, registry: Any, inputs: dict[str, Any], tmp_path: Path
) -> None:
    daemon.start()
    inputs |= {"images": [registry.image], "variables": {"DOCKER_HOST": daemon.endpoint}}
    first, second = (plays.play(tmp_path / "play", inputs, silent) for _ in range(2))
    assert "Fetch the image labcheck_tiny_1" in [it["step"] for it in first]
    assert "Fetch the image labcheck_tiny_1" not in [it["step"] for it in second]
    assert registry.layers_asked == 1


def test_an_engine_that_dies_meanwhile_is_said_and_the_repeat_works(
    daemon: Daemon, registry: Any, inputs: dict[str, Any], tmp_path: Path
) -> None:
    daemon.start()
    registry.open.clear()
    inputs |= {"images": [registry.image], "variables": {"DOCKER_HOST": daemon.endpoint}}

    def end() -> None:
        while not registry.layers_asked:
            time.sleep(0.05)
        daemon.stop()

    threading.Thread(target=end, daemon=True).start()
    with pytest.raises(
        EnvironmentTrouble, match="The step `Fetch the image labcheck_tiny_1` failed"
    ) as raised:
        plays.play(tmp_path / "play", inputs, silent)
    assert "The container engine has gone away. Start it, then repeat." in raised.value.next_step
    registry.open.set()
    daemon.start()
    steps = plays.play(tmp_path / "play", inputs, silent)
    assert "Fetch the image labcheck_tiny_1" in [it["step"] for it in steps]


class Refusing(socketserver.StreamRequestHandler):
    """A proxy that lets nobody through."""

    def handle(self) -> None:
        while self.rfile.readline().strip():
            pass
        self.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")


def test_a_proxy_that_refuses_is_named(daemon: Daemon, inputs: dict[str, Any], tmp_path: Path) -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Refusing) as proxy:
        threading.Thread(target=proxy.serve_forever, args=(0.02,), daemon=True).start()
        daemon.start(HTTPS_PROXY=f"http://127.0.0.1:{proxy.server_address[1]}", NO_PROXY="")
        inputs |= {"images": ["labcheck.invalid/nothing:1"], "variables": {"DOCKER_HOST": daemon.endpoint}}
        with pytest.raises(EnvironmentTrouble, match="The step `Fetch the image nothing_1` failed") as raised:
            plays.play(tmp_path / "play", inputs, silent)
        proxy.shutdown()
    assert "A proxy is in between" in raised.value.next_step


def test_a_port_that_is_taken_is_recognised(endpoint: str, image: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        published = f"127.0.0.1:{taken.getsockname()[1]}:80"
        docker = ["docker", "--host", endpoint]
        made = subprocess.run(
            [*docker, "network", "create", "labcheck-port"], capture_output=True, text=True, check=False
        )
        if made.returncode:
            pytest.skip(f"no network can be made here: {made.stderr.strip()}")
        try:
            done = subprocess.run(
                [
                    *docker,
                    "run",
                    "--rm",
                    "--network=labcheck-port",
                    f"--publish={published}",
                    image,
                    "/hello",
                ],
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            subprocess.run([*docker, "network", "rm", "labcheck-port"], capture_output=True, check=True)
    assert done.returncode != 0
    assert "Another program has taken the port" in advice(done.stderr), done.stderr


@pytest.fixture
def client(endpoint: str) -> Iterator[Any]:
    import docker

    with closing(docker.DockerClient(base_url=endpoint)) as found:
        yield found


def node(client: Any, image: str, cluster: str, **more: Any) -> Any:
    labels = {CLUSTER_LABEL: cluster}
    return client.containers.create(image, ["/hello"], name=f"{cluster}-control-plane", labels=labels, **more)


def test_a_cluster_that_somebody_deleted_is_known_to_be_gone(
    endpoint: str, client: Any, image: str, tmp_path: Path
) -> None:
    container = node(client, image, "labcheck-behind")
    (tmp_path / "name").write_text("labcheck-behind")
    runner = Kind(connect=lambda: engines.connect({"DOCKER_HOST": endpoint}))
    assert not runner.gone(tmp_path)
    assert not runner.running(tmp_path)
    container.remove(force=True)
    assert runner.gone(tmp_path)


def test_the_network_goes_with_the_last_cluster_in_it(endpoint: str, client: Any, image: str) -> None:
    with engines.connect({"DOCKER_HOST": endpoint}) as engine:
        assert not engine.has_network()
        client.networks.create(NETWORK)
        somebodys = node(client, image, "somebodys", network=NETWORK)
        engine.remove_network()
        assert engine.has_network()
        somebodys.remove(force=True)
        engine.remove_network()
        assert not engine.has_network()


def test_a_creation_that_fails_half_way_leaves_no_container_and_no_network(
    *,
    endpoint: str,
    client: Any,
    image: str,
    real_kind: str,
    make_lab: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The tiny image boots nothing, so that kind comes as far as its containers and then gives up."""
    pytest.importorskip("ansible_runner")
    monkeypatch.setenv("PATH", f"{Path(real_kind).parent}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
    made = make_lab()
    text = (made / "setup/10-namespace.yaml").read_text().replace("image: curl", f"image: {image!r}")
    (made / "setup/10-namespace.yaml").write_text(text)
    (made / "lab.yaml").write_text((made / "lab.yaml").read_text().replace("[embedded]", "[embedded, kind]"))
    lab = variant(load(made), 1)

    def connect() -> engines.Engine:
        return engines.connect({"DOCKER_HOST": endpoint})

    def runner() -> Kind:
        with connect() as engine:
            good = Facts(engine=replace(engine.description, cgroup="2"), client="docker")
        return Kind(lambda *_: good, connect, replace(versions(), node_image=image))

    monkeypatch.setattr("labcheck.environments.kind.provider.Kind", runner)
    state = StateFolder(tmp_path / "state")
    for _ in range(2):
        with pytest.raises(EnvironmentTrouble, match="The step `Create the cluster` failed") as raised:
            up(state, lab, runner(), silent)
        assert "failed to create cluster" in raised.value.evidence
        assert client.containers.list(all=True) == []
        assert not any(it.name == NETWORK for it in client.networks.list())
        assert [it.state for it in statuses(state)] == ["interrupted"]
    assert down(state, lab.lab.id)
    assert [it.name for it in state.root.rglob("*") if it.is_file() and it.suffix != ".lock"] == []
