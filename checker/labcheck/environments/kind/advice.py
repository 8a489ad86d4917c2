"""What to do about a step that failed, from what kind, Docker or kubectl said."""

from __future__ import annotations

import re

_DOCTOR = "See what this machine lacks: labcheck doctor --provider kind"
_KNOWN = (
    (
        r"port is already allocated|address already in use|bind: address",
        "Another program has taken the port that kind chose. Try again: kind chooses another.",
    ),
    (
        r"node\(s\) already exist for a cluster with the name",
        "A cluster of this name is there already: labcheck down LAB removes what is labcheck's.",
    ),
    (
        r"[Cc]annot connect to the Docker daemon|docker\.sock|error during connect|podman\.sock",
        "The container engine has gone away. Start it, then repeat.",
    ),
    (
        r"(127\.0\.0\.1|localhost|\[::1\])\S* .*refused|connection to the server \S+ was refused",
        "The cluster does not answer: somebody stopped or deleted it. Repeat: it is started, or made anew.",
    ),
    (r"no space left on device", "The disk is full: docker system prune, then repeat."),
    (r"too many open files|inotify", f"The limits of inotify are too low. {_DOCTOR}"),
    (
        r"could not find a log line that matches",
        f"The node does not boot, mostly for want of cgroup version 2 or of inotify instances. {_DOCTOR}",
    ),
    (
        r"manifest unknown|pull access denied|not found: manifest|repository does not exist",
        "There is no such image. Is its name right in the lab's setup?",
    ),
    (
        r"toomanyrequests|rate limit",
        "Docker Hub has had enough of this address for now: docker login, or try again later.",
    ),
    (
        r"proxyconnect|Proxy Authentication|x509: certificate signed by unknown authority",
        "A proxy is in between. Tell the engine about it and about its certificate: "
        "https://docs.docker.com/engine/daemon/proxy/",
    ),
    (
        r"no such host|i/o timeout|TLS handshake timeout|name resolution|network is unreachable|dial tcp",
        "There is no way to the internet. Connect, or set HTTPS_PROXY (and NO_PROXY=127.0.0.1), then repeat.",
    ),
    (r"signal: killed|Killed|OOM|Insufficient memory", f"Memory ran out. {_DOCTOR}"),
    (
        r"unknown field|strict decoding|error validating|field not declared in schema",
        "The lab's setup is wrong: labcheck lint LAB",
    ),
)


def advice(said: str) -> str:
    """The next step after `said`; the general one when nothing is known of it."""
    found = (step for pattern, step in _KNOWN if re.search(pattern, said))
    return next(found, _DOCTOR)
