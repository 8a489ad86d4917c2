"""A program that is started like the embedded cluster and knows just enough of its API to bring a lab up.

Objects are kept in a file of the state folder, each write before its answer, so that being killed loses
nothing. What to do wrong is told by files in the state folder's parent: `break-boot`, `never-ready`,
`never-converges`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

KINDS = {
    "": [
        ("namespaces", "Namespace", "Cluster"),
        ("serviceaccounts", "ServiceAccount", "Namespaced"),
        ("pods", "Pod", "Namespaced"),
    ],
    "rbac.authorization.k8s.io": [
        ("clusterroles", "ClusterRole", "Cluster"),
        ("clusterrolebindings", "ClusterRoleBinding", "Cluster"),
        ("roles", "Role", "Namespaced"),
        ("rolebindings", "RoleBinding", "Namespaced"),
    ],
}


def discovery(groups: list[str]) -> dict[str, Any]:
    return {
        "items": [
            {
                "metadata": {"name": group},
                "versions": [
                    {
                        "version": "v1",
                        "resources": [
                            {"resource": plural, "responseKind": {"kind": kind}, "scope": scope}
                            for plural, kind, scope in KINDS[group]
                        ],
                    }
                ],
            }
            for group in groups
        ]
    }


class Api(BaseHTTPRequestHandler):
    state: Path

    def objects(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.state / "objects.json").read_text())
        except FileNotFoundError:
            return {}
        return found

    def keep(self, objects: dict[str, Any], name: str = "objects.json") -> None:
        (self.state / "new").write_text(json.dumps(objects))
        os.replace(self.state / "new", self.state / name)

    def answer(self, data: Any, code: int = 200) -> None:
        body = json.dumps(data).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path in {"/api", "/apis"}:
            self.answer(discovery([""] if path == "/api" else [group for group in KINDS if group]))
        elif path == "/pocketmesh/v1/objects":
            self.answer({"items": list(self.objects().values())})
        elif path in (objects := self.objects()):
            self.answer(objects[path])
        elif re.search(r"/[a-z]+$", path):
            # A list of all namespaces is asked for without any.
            places = {key: key.rpartition("/")[0] for key in objects}
            everywhere = {key: re.sub(r"/namespaces/[^/]+(?=/)", "", it) for key, it in places.items()}
            items = [it for key, it in objects.items() if path in {places[key], everywhere[key]}]
            self.answer({"items": items, "metadata": {"resourceVersion": "1"}})
        else:
            self.answer({"kind": "Status", "message": "not found"}, 404)

    def do_PATCH(self) -> None:
        obj, path = self.body(), self.path.split("?")[0]
        if "typo" in obj.get("metadata", {}):
            self.answer({"message": 'strict decoding error: unknown field "metadata.typo"'}, 400)
            return
        if obj["kind"] == "Pod":
            obj["status"] = {"conditions": [{"type": "Ready", "status": "True"}]}
        self.keep(self.objects() | {path: obj})
        self.answer(obj)

    def do_DELETE(self) -> None:
        objects = self.objects()
        objects.pop(self.path, None)
        self.keep(objects)
        self.answer({})

    def do_POST(self) -> None:
        self.body()
        if self.path.endswith("/token"):
            self.answer({"status": {"token": "the-graders"}})
        elif self.path == "/pocketmesh/v1/convergence":
            self.answer({"converged": not (Path(os.environ["FAKE_CONTROLS"]) / "never-converges").exists()})
        elif found := re.fullmatch(r"/pocketmesh/v1/snapshots/(\w+)(/restore)?", self.path):
            snapshot = f"{found[1]}.snapshot"
            if found[2]:
                self.keep(json.loads((self.state / snapshot).read_text()))
            else:
                self.keep(self.objects(), snapshot)
            self.answer({})
        else:
            self.answer({"message": "not found"}, 404)

    def log_message(self, format: str, *args: Any) -> None:
        print(format % args, file=sys.stderr)


def start_others() -> None:
    """Starts whom the messages on standard input ask for; as good as a fork for who has little to import."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(fileno=0) as line:
        while (received := socket.recv_fds(line, 1 << 20, 2))[0]:
            asked, (output, answer) = json.loads(received[0]), received[1]
            started = subprocess.Popen(
                [sys.executable, __file__, *asked["arguments"]],
                cwd=asked["directory"],
                env=asked["variables"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            os.write(answer, str(started.pid).encode())
            os.close(output)
            os.close(answer)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=["serve", "forkserver"])
    parser.add_argument("--state", type=Path)
    parser.add_argument("--istio")
    parsed = parser.parse_args()
    if parsed.verb == "forkserver":
        start_others()
    else:
        serve(parsed.state)


def serve(state: Path) -> None:
    controls = Path(os.environ["FAKE_CONTROLS"])
    (state / "pid").write_text(str(os.getpid()))
    if (controls / "break-boot").exists():
        sys.exit("the fake cluster was told to break")
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    while (controls / "never-ready").exists():
        time.sleep(0.01)
    Api.state = state
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    address = f"http://127.0.0.1:{server.server_port}"
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "fake",
        "clusters": [{"name": "fake", "cluster": {"server": address}}],
        "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
        "users": [{"name": "fake", "user": {"token": "admin"}}],
    }
    (state / "kubeconfig.new").write_text(json.dumps(kubeconfig))
    os.replace(state / "kubeconfig.new", state / "kubeconfig")
    server.serve_forever()


if __name__ == "__main__":
    main()
