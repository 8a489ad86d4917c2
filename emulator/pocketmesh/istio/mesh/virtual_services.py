"""VirtualServices read into rules: every match of every route becomes one, in the order they are written.

Only what is meant for the mesh is read: not what is for a Gateway of Istio's own, nor delegates. A client's
labels are unknown to a waypoint, so a match that asks for them is dropped.
Upstream: istio/istio pilot/pkg/networking/core/{listener_waypoint.go,route/route.go}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, TypeVar

from pocketmesh.istio.mesh.hosts import full_name
from pocketmesh.istio.mesh.routing import (
    Backend,
    Cors,
    DirectResponse,
    Fault,
    HeaderChanges,
    How,
    Match,
    Mirror,
    PathChange,
    PathType,
    Redirect,
    Retry,
    Rewrite,
    Rule,
    ValueMatch,
    milliseconds,
)
from pocketmesh.net.services import Place, ServiceTable
from pocketmesh.objects import Object, name_of, namespace_of

_T = TypeVar("_T")

_MESH: Final = "mesh"
_ANY_PREFIX: Final = "%PREFIX()%"
_PATH_TYPES: Final[dict[str, PathType]] = {
    "exact": "Exact",
    "prefix": "Prefix",
    "regex": "RegularExpression",
}
_VALUE_TYPES: Final[dict[str, How]] = {"exact": "Exact", "prefix": "Prefix", "regex": "RegularExpression"}


def virtual_rules(
    virtual_services: Iterable[Object], hosts: Mapping[str, Place], services: ServiceTable
) -> tuple[dict[Place, tuple[Rule, ...]], dict[Place, tuple[Rule, ...]]]:
    """The rules for requests, and those for connections, of every service that a VirtualService names.

    `hosts` are the services by their full names. The oldest VirtualService comes first.
    """
    requests: dict[Place, tuple[Rule, ...]] = {}
    connections: dict[Place, tuple[Rule, ...]] = {}
    for item in sorted(virtual_services, key=_age):
        if _MESH not in (item["spec"].get("gateways") or [_MESH]):
            continue
        reader = _Reader(item, hosts, services)
        for host in item["spec"].get("hosts") or []:
            service = hosts.get(full_name(host, namespace_of(item)))
            if service is None:
                continue
            if rules := tuple(reader.http()):
                requests[service] = (*requests.get(service, ()), *rules)
            if rules := tuple(reader.tcp()):
                connections[service] = (*connections.get(service, ()), *rules)
    return requests, connections


def _age(item: Object) -> tuple[str, str, str]:
    return str(item["metadata"].get("creationTimestamp", "")), name_of(item), namespace_of(item)


class _Reader:
    """What one VirtualService says."""

    def __init__(self, item: Object, hosts: Mapping[str, Place], services: ServiceTable) -> None:
        self._spec = item["spec"]
        self._namespace = namespace_of(item)
        self._hosts = hosts
        self._services = services
        self._base = Rule(
            route=(self._namespace, name_of(item)),
            index=0,
            created=str(item["metadata"].get("creationTimestamp", "")),
            match=Match(),
            kind="VirtualService",
            exported=tuple(self._spec.get("exportTo") or ("*",)),
        )

    def http(self) -> Iterator[Rule]:
        for index, route in enumerate(self._spec.get("http") or []):
            if route.get("delegate"):
                continue
            base = replace(self._request_rule(route), index=index)
            if not route.get("match"):
                yield base
                return
            for match in _meant(route["match"]):
                label = ".".join(filter(None, (base.label, match.get("name"))))
                yield replace(
                    base,
                    match=_match(match),
                    label=label,
                    parent_port=int(match.get("port") or 0),
                    clients=match.get("sourceNamespace") or "",
                )

    def tcp(self) -> Iterator[Rule]:
        """TLS first, as in Istio; the name that a client asks for is not looked at."""
        for route in (*(self._spec.get("tls") or []), *(self._spec.get("tcp") or [])):
            base = replace(self._base, backends=self._backends(route))
            for match in _meant(route.get("match") or [{}]):
                port, clients = int(match.get("port") or 0), match.get("sourceNamespace") or ""
                yield replace(base, parent_port=port, clients=clients)

    def _request_rule(self, route: Object) -> Rule:
        headers = route.get("headers") or {}
        retries = route.get("retries")
        mirrored = [*(route.get("mirrors") or [])]
        if route.get("mirror"):
            share = route.get("mirrorPercentage") or _percentage(route.get("mirrorPercent"))
            mirrored.append({"destination": route["mirror"], **({"percentage": share} if share else {})})
        return replace(
            self._base,
            label=route.get("name") or "",
            backends=self._backends(route),
            request_headers=_changes(headers.get("request")),
            response_headers=_changes(headers.get("response")),
            redirect=_given(route.get("redirect"), _redirect),
            direct=_given(route.get("directResponse"), _direct),
            rewrite=_given(route.get("rewrite"), _rewrite),
            mirrors=tuple(self._mirror(mirror) for mirror in mirrored),
            cors=_given(route.get("corsPolicy"), _cors),
            fault=_given(route.get("fault"), _fault),
            timeout=route.get("timeout") or "",
            backend_timeout=(retries or {}).get("perTryTimeout") or "",
            retry=_given(retries, _retry),
        )

    def _backends(self, route: Object) -> tuple[Backend, ...]:
        destinations = route.get("route") or []
        found = []
        for entry in destinations:
            host, port, subset = self._destination(entry["destination"])
            headers = entry.get("headers") or {}
            found.append(
                Backend(
                    host,
                    port,
                    # A share makes no sense alone, so it may be left out, or even be 0.
                    weight=int(entry.get("weight") or 0) if len(destinations) > 1 else 1,
                    subset=subset,
                    request_headers=_changes(headers.get("request")),
                    response_headers=_changes(headers.get("response")),
                )
            )
        return tuple(found)

    def _mirror(self, mirror: Object) -> Mirror:
        host, port, subset = self._destination(mirror["destination"])
        percentage = mirror.get("percentage")
        share = 100.0 if percentage is None else float(percentage.get("value") or 0)
        return Mirror(host, port, round(share * 10_000), 1_000_000, subset)

    def _destination(self, destination: Object) -> tuple[str, int, str]:
        """Host, port and subset: without a port the only one of the service, else the one dialled."""
        host = full_name(destination["host"], self._namespace)
        port = int((destination.get("port") or {}).get("number") or 0)
        service = self._hosts.get(host)
        ports = self._services.ports.get(service, ()) if service else ()
        if not port and len(ports) == 1:
            port = ports[0].port
        return host, port, destination.get("subset") or ""


def _meant(matches: Iterable[Object]) -> Iterator[Object]:
    for match in matches:
        if not match.get("sourceLabels") and _MESH in (match.get("gateways") or [_MESH]):
            yield match


def _match(match: Object) -> Match:
    path_type: PathType = "Prefix"
    path = "/"
    for key, value in (match.get("uri") or {}).items():
        path_type, path = _PATH_TYPES[key], value
    headers = {f":{name}": match[name] for name in ("method", "authority", "scheme") if match.get(name)}
    return Match(
        path_type=path_type,
        path=path,
        any_case=bool(match.get("ignoreUriCase")),
        headers=(
            *_values({**headers, **(match.get("headers") or {})}),
            *_values(match.get("withoutHeaders") or {}, inverted=True),
        ),
        query=_values(match.get("queryParams") or {}),
    )


def _values(entries: Mapping[str, Object | None], *, inverted: bool = False) -> tuple[ValueMatch, ...]:
    return tuple(_value(name, entry or {}, inverted) for name, entry in entries.items())


def _value(name: str, entry: Object, inverted: bool) -> ValueMatch:
    for key, value in entry.items():
        if (key, value) != ("regex", "*"):
            return ValueMatch(name, value, _VALUE_TYPES[key], inverted)
    return ValueMatch(name, "", "Present", inverted)


def _given(entry: Object | None, read: Callable[[Object], _T]) -> _T | None:
    return None if entry is None else read(entry)


def _changes(operations: Object | None) -> HeaderChanges | None:
    if not operations:
        return None
    return HeaderChanges(
        tuple((operations.get("set") or {}).items()),
        tuple((operations.get("add") or {}).items()),
        tuple(operations.get("remove") or ()),
    )


def _redirect(redirect: Object) -> Redirect:
    uri = redirect.get("uri")
    path = None
    if uri:
        prefix = uri.startswith(_ANY_PREFIX)
        path = PathChange("ReplaceMatch" if prefix else "ReplaceFullPath", uri.removeprefix(_ANY_PREFIX))
    return Redirect(
        redirect.get("scheme") or "",
        redirect.get("authority") or "",
        int(redirect.get("port") or 0),
        int(redirect.get("redirectCode") or 301),
        path,
        redirect.get("derivePort") == "FROM_REQUEST_PORT",
    )


def _direct(response: Object) -> DirectResponse:
    return DirectResponse(int(response["status"]), (response.get("body") or {}).get("string") or "")


def _rewrite(rewrite: Object) -> Rewrite:
    pattern = rewrite.get("uriRegexRewrite")
    path = PathChange("ReplaceMatch", rewrite["uri"]) if rewrite.get("uri") else None
    if pattern:
        path = PathChange("ReplacePattern", pattern.get("rewrite") or "", pattern.get("match") or "")
    return Rewrite(rewrite.get("authority") or "", path)


def _fault(fault: Object) -> Fault:
    delay, abort = fault.get("delay") or {}, fault.get("abort") or {}
    share = delay.get("percentage") or _percentage(delay.get("percent"))
    return Fault(
        delay=delay.get("fixedDelay") or "",
        delayed=float((share or {}).get("value") or 0),
        status=int(abort.get("httpStatus") or 0),
        grpc=abort.get("grpcStatus") or "",
        aborted=float((abort.get("percentage") or {}).get("value") or 0),
    )


def _percentage(percent: int | None) -> Object | None:
    """The older way to write a percentage, which knows no fractions."""
    return None if percent is None else {"value": percent}


def _cors(cors: Object) -> Cors:
    origins = [*(cors.get("allowOrigins") or []), *({"exact": o} for o in cors.get("allowOrigin") or [])]
    return Cors(
        tuple(_value("origin", origin, False) for origin in origins),
        tuple(cors.get("allowMethods") or ()),
        tuple(cors.get("allowHeaders") or ()),
        tuple(cors.get("exposeHeaders") or ()),
        bool(cors.get("allowCredentials")),
        milliseconds(cors.get("maxAge") or "") // 1000,
        cors.get("unmatchedPreflights") != "IGNORE",
    )


def _retry(retries: Object) -> Retry:
    words = [word.strip() for word in (retries.get("retryOn") or "").split(",") if word.strip()]
    codes = tuple(int(word) for word in words if word.isdigit())
    others = [word for word in words if not word.isdigit()]
    if codes:
        others.append("retriable-status-codes")
    return Retry(
        int(retries.get("attempts") or 0),
        codes,
        retries.get("backoff") or "",
        ",".join(others),
        retries.get("retryIgnorePreviousHosts") is not False,
    )
