"""Key sets, fetched over HTTP from inside the cluster's network."""

from __future__ import annotations

from typing import Any, Final

import orjson

from pocketmesh.istio.fetching import FetchFailed, fetch
from pocketmesh.istio.mesh.authorization import DISCOVERY
from pocketmesh.node.process import Container

_LIMIT: Final = 1 << 20


async def fetch_key_set(container: Container, uri: str) -> str:
    """The key set at a URI, or the one that an issuer's OpenID configuration names. Raises FetchFailed."""
    if uri.endswith(DISCOVERY):
        uri = str(_parsed(await fetch(container, uri, _LIMIT)).get("jwks_uri", ""))
    body = await fetch(container, uri, _LIMIT)
    if not isinstance(_parsed(body).get("keys"), list):
        raise FetchFailed("the answer is no key set")
    return body.decode()


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise FetchFailed(str(error)) from None
    return found if isinstance(found, dict) else {}
