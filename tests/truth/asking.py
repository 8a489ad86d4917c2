"""Real curl in pods: many requests in one exec, and what each of them comes to in the words of the tables."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from urllib.parse import urlsplit

from kubernetes import config
from kubernetes.client import CoreV1Api
from kubernetes.stream import stream

from .tables import Ask

Place = tuple[str, str]

BATCH = 30
PATIENCE = 120
FAILURES = {6: "unknown", 7: "refused", 28: "timeout", 52: "reset", 56: "reset"}
# What an Envoy answers of its own accord: the status, the beginning of its body, and the word for it.
ANSWERS = (
    (403, "RBAC: access denied", "denied"),
    (403, "denied by ext_authz", "asked-no"),
    (401, "Jw", "invalid"),
    (503, "no healthy upstream", "unhealthy"),
    (503, "upstream connect error or disconnect/reset before headers", "broken"),
    (504, "upstream request timeout", "late"),
    (418, "fault filter abort", "aborted"),
)
SILENT = {404: "missing", 500: "failed"}
ANSWERED = re.compile(r"HTTP/\S+ (?P<status>\d+).*?\r?\n(?P<head>.*?)\r?\n\r?\n(?P<body>.*)", re.DOTALL)


@dataclass(frozen=True)
class Observed:
    """What curl printed, and its exit code."""

    code: int
    printed: str

    @property
    def outcome(self) -> str:
        """The word for it, or what there is no word for."""
        if self.printed.startswith("hello "):
            return "echo"
        if self.code == 1:
            return "refused" if "refused" in self.printed else "reset"
        answered = ANSWERED.match(self.printed)
        if self.code or not answered:
            return FAILURES.get(self.code, f"curl {self.code}")
        status, head, body = int(answered["status"]), answered["head"].lower(), answered["body"]
        proxied = "server: istio-envoy" in head
        if status == 200:
            identified = '"x-request-id"' in body.lower()
            return {(True, True): "waypoint", (False, False): "direct"}.get(
                (proxied, identified), "half proxied"
            )
        if not body.strip() and proxied and status in SILENT:
            return SILENT[status]
        words = [word for code, text, word in ANSWERS if code == status and body.startswith(text)]
        return words[0] if words and proxied else f"{status} {body[:80]!r}"


def command(ask: Ask, addresses: Mapping[Place, str]) -> str:
    """A line of shell."""
    if ask.method == "TCP":
        return f"echo x | nc {ask.url.replace(':', ' ')}"
    url, host = ask.url, urlsplit(ask.url).hostname or ""
    if host.endswith(".pod"):
        name, namespace, _ = host.split(".")
        url = url.replace(host, addresses[namespace, name])
    headers = [word for header in ask.headers for word in ("-H", header)]
    return shlex.join(["curl", "-s", "-i", "-m", "10", "-X", ask.method, *headers, url])


def ask_all(
    kubeconfig: Path, asks: Sequence[Ask], clients: Mapping[str, Place], addresses: Mapping[Place, str]
) -> dict[Ask, Observed]:
    """Asks everything, from several pods at once."""

    def run(batch: Sequence[Ask]) -> dict[Ask, Observed]:
        lines = [f"{command(ask, addresses)}; code=$?; echo; echo '=== '$code" for ask in batch]
        printed = execute(kubeconfig, clients[batch[0].client], "\n".join(lines))
        found = re.findall(r"(.*?)\n?=== (\d+)\r?\n", printed, re.DOTALL)
        assert len(found) == len(batch), printed
        return {ask: Observed(int(code), text) for ask, (text, code) in zip(batch, found, strict=True)}

    ordered = sorted(dict.fromkeys(asks), key=lambda ask: ask.client)
    each = [list(group) for _, group in groupby(ordered, lambda ask: ask.client)]
    batches = [asks[start : start + BATCH] for asks in each for start in range(0, len(asks), BATCH)]
    with ThreadPoolExecutor(8) as pool:
        return {ask: seen for answers in pool.map(run, batches) for ask, seen in answers.items()}


def execute(kubeconfig: Path, place: Place, script: str) -> str:
    """What a shell in a pod prints. Each exec has a client of its own: streams change the client's state."""
    namespace, pod = place
    with config.new_client_from_config(str(kubeconfig)) as api:
        running = stream(
            CoreV1Api(api).connect_get_namespaced_pod_exec,
            pod,
            namespace,
            command=["sh", "-c", script],
            stdout=True,
            stderr=True,
            _preload_content=False,
        )
        running.run_forever(timeout=PATIENCE)
        printed = str(running.read_all())
        running.sock.shutdown()  # `close` leaves the socket of a stream that has ended
        return printed
