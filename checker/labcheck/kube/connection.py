"""Requests, watches and commands over one cluster's API, by paths; objects are plain dicts.

HTTP is urllib3's and WebSockets are websocket-client's, the two libraries that the Kubernetes client itself
stands on; its models would cost a third of a second to import and are wanted by nobody.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlencode

from labcheck.kube.access import access
from labcheck.kube.errors import ApiRefused, Unreachable
from labcheck.kube.stream import PROTOCOL, Stream

Object: TypeAlias = dict[str, Any]
Query: TypeAlias = Sequence[tuple[str, str]]

_UNREACHABLE_HINT = "See `labcheck status`; `labcheck up` starts what has stopped."
_CONNECT_TIMEOUT = 10.0


def import_client() -> None:
    """Pays for the imports that connections need now, for whoever waits for a cluster anyway."""
    import urllib3  # noqa: F401
    import websocket  # noqa: F401


class Connection:
    """A cluster's API by paths. Raises ApiRefused for an error status and Unreachable for no answer.

    Threads may share it.
    """

    def __init__(self, kubeconfig: Path) -> None:
        import urllib3

        self._access = access(kubeconfig)
        # Answered at once or not at all: waiting is for whoever knows what for.
        options: dict[str, Any] = {"ssl_context": self._access.tls, "retries": False, "maxsize": 64}
        proxy = self._access.proxy
        self._http: Any = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)

    def close(self) -> None:
        """Closes the connections that are kept open."""
        self._http.clear()

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        body: object = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        timeout: float = 30.0,
    ) -> Object:
        """The JSON answer to one request."""
        response = self._send(method, path, query, body, content_type, accept, timeout, stream=False)
        answer: Object = _parsed(response.data)
        if response.status >= 400:
            raise ApiRefused(response.status, answer, f"{method} {path}")
        return answer

    def text(self, path: str, *, query: Query = (), timeout: float = 30.0) -> str:
        """The answer to a GET as it is, where it is no JSON: a container's log."""
        response = self._send("GET", path, query, None, "", "*/*", timeout, stream=False)
        if response.status >= 400:
            raise ApiRefused(response.status, _parsed(response.data), f"GET {path}")
        return str(response.data.decode(errors="replace"))

    def lines(self, path: str, *, query: Query, timeout: float) -> Iterator[Object]:
        """The events of a watch, until the server closes it or is silent for `timeout` seconds."""
        import urllib3

        response = self._send("GET", path, query, None, "", "application/json", timeout, stream=True)
        try:
            if response.status >= 400:
                raise ApiRefused(response.status, _parsed(response.read()), f"GET {path}")
            rest = b""
            for chunk in response.stream(amt=None, decode_content=True):
                *whole, rest = (rest + chunk).split(b"\n")
                yield from (json.loads(line) for line in whole if line.strip())
        except urllib3.exceptions.ReadTimeoutError:
            return
        except urllib3.exceptions.HTTPError as error:
            raise Unreachable("The cluster closed a watch.", evidence=str(error)) from error
        finally:
            response.close()

    def stream(self, path: str, *, query: Query) -> Stream:
        """The streams of a command in a pod, to be closed."""
        import websocket

        address = self._access.host.replace("http", "ws", 1)
        socket: Any = websocket.WebSocket(sslopt={"context": self._access.tls}, skip_utf8_validation=True)
        try:
            socket.connect(
                f"{address}{path}?{urlencode(query)}",
                header=self._access.headers(),
                subprotocols=[PROTOCOL],
                timeout=_CONNECT_TIMEOUT,
            )
        except websocket.WebSocketBadStatusException as error:
            status = _parsed(error.resp_body or b"{}")
            raise ApiRefused(error.status_code, status, f"exec on {path}") from error
        except (OSError, websocket.WebSocketException) as error:
            raise self._unreachable(error) from error
        return Stream(socket)

    def _send(
        self,
        method: str,
        path: str,
        query: Query,
        body: object,
        content_type: str,
        accept: str,
        timeout: float,
        *,
        stream: bool,
    ) -> Any:
        import urllib3

        url = f"{self._access.host}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {**self._access.headers(), "Accept": accept}
        if body is not None:
            headers["Content-Type"] = content_type
        try:
            return self._http.request(
                method,
                url,
                headers=headers,
                body=None if body is None else json.dumps(body),
                timeout=urllib3.Timeout(connect=5.0, read=timeout),
                preload_content=not stream,
            )
        except (OSError, urllib3.exceptions.HTTPError) as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(
            f"The cluster at {self._access.host} does not answer.",
            evidence=str(error),
            next_step=_UNREACHABLE_HINT,
        )


def _parsed(data: bytes) -> Object:
    try:
        parsed = json.loads(data)
    except ValueError:
        return {"message": data.decode(errors="replace").strip()[:300]}
    return parsed if isinstance(parsed, dict) else {"message": str(parsed)}


def selector(labels: Mapping[str, str]) -> Query:
    """The query that asks for these labels."""
    return [("labelSelector", ",".join(f"{key}={value}" for key, value in labels.items()))] if labels else []
