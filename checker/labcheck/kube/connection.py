"""The one module that imports the Kubernetes client library, and only when a connection is made.

It takes from the library what is hard (kubeconfigs with all their ways to log in, TLS, WebSocket channels)
and none of its models: objects are plain dicts everywhere in labcheck.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlencode

from labcheck.kube.errors import ApiRefused, ExecTimeout, Unreachable

Object: TypeAlias = dict[str, Any]
Query: TypeAlias = Sequence[tuple[str, str]]

_UNREACHABLE_HINT = "See `labcheck status`; `labcheck up` starts what has stopped."


def import_client() -> None:
    """Pays for the import of the library now, for whoever waits for a cluster anyway."""
    import kubernetes.client.rest
    import kubernetes.config  # noqa: F401


class Connection:
    """A cluster's API by paths. Raises ApiRefused for an error status and Unreachable for no answer."""

    def __init__(self, kubeconfig: Path) -> None:
        from kubernetes import client, config
        from kubernetes.client import rest

        load_kube_config: Any = config.load_kube_config
        self._configuration = client.Configuration()
        try:
            load_kube_config(str(kubeconfig), client_configuration=self._configuration)
        except config.ConfigException as error:
            raise Unreachable(f"The kubeconfig {kubeconfig} cannot be used.", evidence=str(error)) from error
        # Answered at once or not at all: waiting is for whoever knows what for.
        self._configuration.retries = False
        self._http: Any = rest.RESTClientObject(self._configuration).pool_manager

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

    def command(self, path: str, *, query: Query, timeout: float) -> tuple[str, str, str]:
        """Runs an exec to its end: standard output, standard error and the final Status as JSON text.

        Raises ExecTimeout when it does not end in time.
        """
        from kubernetes.stream import ws_client
        from websocket import WebSocketBadStatusException, WebSocketException

        host = self._configuration.host.replace("http", "ws", 1)
        url = f"{host}{path}?{urlencode(query)}"
        open_socket: Any = ws_client.WSClient
        try:
            socket = open_socket(self._configuration, url, self._headers(), capture_all=False)
        except WebSocketBadStatusException as error:
            status = _parsed(error.resp_body or b"{}")
            raise ApiRefused(error.status_code, status, f"exec on {path}") from error
        except (OSError, WebSocketException) as error:
            raise self._unreachable(error) from error
        try:
            socket.run_forever(timeout=timeout)
            if socket.is_open():
                raise ExecTimeout(f"The command did not end within {timeout:g} s.")
            return socket.read_stdout(), socket.read_stderr(), socket.read_channel(ws_client.ERROR_CHANNEL)
        except (OSError, WebSocketException) as error:
            raise self._unreachable(error) from error
        finally:
            socket.close()
            socket.sock.shutdown()  # close() leaves the socket open where the server closed first

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

        url = f"{self._configuration.host}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {**self._headers(), "Accept": accept}
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

    def _headers(self) -> dict[str, str]:
        token = self._configuration.get_api_key_with_prefix("authorization") or (
            self._configuration.get_api_key_with_prefix("BearerToken")
        )
        return {"authorization": token} if token else {}

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(
            f"The cluster at {self._configuration.host} does not answer.",
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
