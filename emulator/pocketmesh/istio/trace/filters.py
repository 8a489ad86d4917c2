"""What the filters of a rule do to a request, in words. Envoy tells nothing of them, so they are read off the
rule; those of one share among several are left out, because the others do not have them.
"""

from __future__ import annotations

from collections.abc import Iterator

from pocketmesh.istio.mesh.routing import Backend, HeaderChanges, PathChange, Redirect, Rule


def filtered(rule: Rule) -> Iterator[str]:
    """What a request that the rule takes goes through before it is sent on, or answered on the spot."""
    if rule.redirect:
        yield _redirected(rule.redirect, rule.match.path)
    if rule.rewrite and rule.rewrite.hostname:
        yield f"calls the host {rule.rewrite.hostname}"
    if rule.rewrite and rule.rewrite.path:
        yield _rewritten(rule.rewrite.path, rule.match.path)
    only = rule.backends[0] if len(rule.backends) == 1 else Backend("", 0)
    yield from _changed("the request", rule.request_headers, only.request_headers)
    yield from _changed("the answer", rule.response_headers, only.response_headers)
    for mirror in rule.mirrors:
        some = "" if mirror.numerator == mirror.denominator else " of some requests"
        yield f"sends a copy{some} to Service {mirror.host}:{mirror.port}"


def _redirected(redirect: Redirect, matched: str) -> str:
    host, port = redirect.hostname or "the same host", f":{redirect.port}" if redirect.port else ""
    scheme = f"{redirect.scheme}://" if redirect.scheme else ""
    path = f", {_rewritten(redirect.path, matched)}" if redirect.path else ""
    return f"redirects to {scheme}{host}{port}{path}"


def _rewritten(change: PathChange, matched: str) -> str:
    whole = change.type == "ReplaceFullPath"
    replaced = "the whole path" if whole else change.pattern or matched
    return f"puts {change.value or '/'} in place of {replaced}"


def _changed(what: str, *changes: HeaderChanges | None) -> Iterator[str]:
    for change in filter(None, changes):
        said = [f"sets {name}: {value}" for name, value in change.set]
        said += [f"adds {name}: {value}" for name, value in change.add]
        said += [f"removes {name}" for name in change.remove]
        if said:
            yield f"{' and '.join(said)}, in {what}"
