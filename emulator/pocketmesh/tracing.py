"""`pocketmesh trace`: one request followed through the mesh of whatever cluster a kubeconfig names.

The cluster follows it and says what it saw (`pocketmesh.istio.trace`); here it is asked, and shown.
"""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from typing import Final

from pocketmesh.remote.api import Api
from pocketmesh.remote.errors import Failed
from pocketmesh.remote.kubeconfig import places, read

_PATH: Final = "/pocketmesh/v1/trace"
_HOST: Final = "host"


def trace(asked: Namespace) -> int:
    """Prints the way of the request. Exit codes: 0 followed, 1 could not be."""
    try:
        access = read(places(asked.kubeconfig, os.environ))
        namespace, _, client = asked.client.rpartition("/")
        if not namespace and client != _HOST:
            namespace = access.namespace
        request = {"url": asked.url, "method": asked.method, "headers": asked.headers}
        found = Api(access, "pocketmesh").post(_PATH, {"namespace": namespace, "client": client, **request})
        if asked.svg:
            asked.svg.write_text(found["svg"], encoding="utf-8")
    except (Failed, OSError) as error:
        print(f"pocketmesh: cannot follow this request: {error}", file=sys.stderr)
        return 1
    print(json.dumps(found["trace"], indent=2) if asked.as_json else found["text"], end="")
    return 0
