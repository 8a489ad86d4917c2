"""A client of the Kubernetes API: objects by kind, one connection, one request at a time.

Ports of pods are reached through the API server's proxy, so nothing is forwarded. Paths of resources come
from discovery, which is asked for a group when it is first needed.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from functools import cached_property
from tempfile import NamedTemporaryFile
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import orjson

from pocketmesh.objects import Object, name_of, namespace_of
from pocketmesh.remote.errors import Failed, Refused
from pocketmesh.remote.kubeconfig import Access

_APPLY: Final = "application/apply-patch+yaml"
_MERGE: Final = "application/merge-patch+json"
_PATIENCE: Final = 30.0


class Api:
    """One cluster, as `agent` talks to it. Every method raises Refused for an error that was answered and
    Failed for no answer."""

    def __init__(self, access: Access, agent: str) -> None:
        self._access = access
        self._agent = agent
        self._plurals: dict[str, dict[str, tuple[str, bool]]] = {}

    def close(self) -> None:
        """Ends the connection; the next request makes a new one."""
        self._connection.close()

    def get(self, version: str, kind: str, namespace: str, name: str) -> Object | None:
        """One object, None when it or its kind is not there."""
        try:
            found: Object = self._json("GET", self._path(version, kind, namespace, name))
        except Refused as refused:
            if refused.status == 404:
                return None
            raise
        return found

    def all(self, version: str, kind: str, namespace: str = "", selector: str = "") -> list[Object]:
        """All objects of a kind, those of one namespace when given; none when there is no such kind."""
        query = {"labelSelector": selector} if selector else {}
        try:
            found = self._json("GET", self._path(version, kind, namespace), query)
        except Refused as refused:
            if refused.status == 404:
                return []
            raise
        # Items of a list do not repeat what the list says.
        return [{"apiVersion": version, "kind": kind, **item} for item in found.get("items") or []]

    def apply(self, obj: Object, manager: str, *, force: bool = False) -> Object:
        """Server-side apply."""
        path = self._path(obj["apiVersion"], obj["kind"], namespace_of(obj), name_of(obj))
        query = {"fieldManager": manager, **({"force": "true"} if force else {})}
        applied: Object = self._json("PATCH", path, query, obj, _APPLY)
        return applied

    def merge(self, obj: Object, patch: Object) -> Object:
        """A JSON merge patch on an object that was read."""
        path = self._path(obj["apiVersion"], obj["kind"], namespace_of(obj), name_of(obj))
        merged: Object = self._json("PATCH", path, {"fieldManager": self._agent}, patch, _MERGE)
        return merged

    def delete(self, obj: Object) -> bool:
        """Whether there was something to delete; dependents follow in the background."""
        path = self._path(obj["apiVersion"], obj["kind"], namespace_of(obj), name_of(obj))
        try:
            self._json("DELETE", path, {"propagationPolicy": "Background"})
        except Refused as refused:
            if refused.status == 404:
                return False
            raise
        return True

    def page(self, pod: Object, port: int, path: str, method: str = "GET") -> bytes:
        """What a pod answers over HTTP."""
        place = f"/api/v1/namespaces/{namespace_of(pod)}/pods/{name_of(pod)}:{port}/proxy/{path.lstrip('/')}"
        return self._request(method, place)

    def post(self, path: str, body: Object) -> Object:
        """What a path that is no resource's answers."""
        answer: Object = self._json("POST", path, {}, body)
        return answer

    def _path(self, version: str, kind: str, namespace: str, name: str = "") -> str:
        plural, namespaced = self._resource(version, kind)
        root = f"/api/{version}" if "/" not in version else f"/apis/{version}"
        place = f"/namespaces/{namespace}" if namespaced and namespace else ""
        return f"{root}{place}/{plural}{f'/{name}' if name else ''}"

    def _resource(self, version: str, kind: str) -> tuple[str, bool]:
        found = self._plurals.get(version, {}).get(kind)
        if found is None:
            root = f"/api/{version}" if "/" not in version else f"/apis/{version}"
            listed = self._json("GET", root)["resources"]
            self._plurals[version] = {
                it["kind"]: (it["name"], it["namespaced"]) for it in listed if "/" not in it["name"]
            }
            found = self._plurals[version].get(kind)
        if found is None:
            raise Refused(404, f'no matches for kind "{kind}" in version "{version}"')
        return found

    def _json(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> Any:
        return orjson.loads(self._request(method, path, query, body, content_type))

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> bytes:
        headers = {"Accept": "application/json", "User-Agent": self._agent}
        if self._access.token:
            headers["Authorization"] = f"Bearer {self._access.token}"
        if body is not None:
            headers["Content-Type"] = content_type
        content = None if body is None else orjson.dumps(body)
        try:
            self._connection.request(
                method, f"{path}?{urlencode(query)}" if query else path, content, headers
            )
            answer = self._connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise Failed(f"the cluster at {self._access.server} does not answer: {error}") from error
        if answer.status >= 400:
            raise Refused(answer.status, _message(data, answer.status, answer.reason))
        return data

    @cached_property
    def _connection(self) -> http.client.HTTPConnection:
        address = urlsplit(self._access.server)
        if address.scheme != "https":
            return http.client.HTTPConnection(address.netloc, timeout=_PATIENCE)
        return http.client.HTTPSConnection(address.netloc, timeout=_PATIENCE, context=_tls(self._access))


def _tls(access: Access) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=access.authority or None)
    if not access.verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if access.certificate:
        # OpenSSL reads certificates from files only; this one is gone again before anything is sent.
        with NamedTemporaryFile("w") as file:
            file.write(f"{access.certificate}\n{access.key}\n")
            file.flush()
            context.load_cert_chain(file.name)
    return context


def _message(data: bytes, status: int, reason: str) -> str:
    try:
        return str(orjson.loads(data)["message"])
    except (ValueError, KeyError, TypeError):
        return data.decode(errors="replace").strip() or f"{status} {reason}"
