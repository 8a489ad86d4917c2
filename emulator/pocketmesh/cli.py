"""The command `pocketmesh`: serves one cluster in the foreground until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Final

from pocketmesh.store import StoreError

_TURN: Final = 1.0


def main(arguments: list[str] | None = None) -> int:
    """Exit codes: 0 stopped, 1 could not serve, 2 wrong usage; those of `istioctl` are its own."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["istioctl"]:
        from pocketmesh.istioctl.cli import main as istioctl

        return istioctl(arguments[1:])
    parsed = _parser().parse_args(arguments)
    code: int = parsed.run(parsed)
    return code


def _serve_one(parsed: argparse.Namespace) -> int:
    # A collection that looks at a whole cluster takes tens of milliseconds: it may come a tenth as often.
    gc.set_threshold(10_000)
    # bashkit's threads enter the context of a script's tasks, and fail while one of these is being run: let
    # them have their turn when the loop waits, not in the middle of a step.
    sys.setswitchinterval(_TURN)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    state: Path = parsed.state.resolve()
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Unix sockets are addressed relative to here, so a long path to the state does not matter.
        os.chdir(state)
        asyncio.run(_serve(state, parsed.istio, parsed.port))
    except (OSError, StoreError, TimeoutError) as error:
        print(f"pocketmesh: cannot serve {state}: {error}", file=sys.stderr)
        return 1
    return 0


def _trace(parsed: argparse.Namespace) -> int:
    from pocketmesh.tracing import trace

    return trace(parsed)


def _write_charts(parsed: argparse.Namespace) -> int:
    from pocketmesh.istio.install.charts import write_charts

    try:
        for chart in write_charts(parsed.folder):
            print(chart)
    except OSError as error:
        print(f"pocketmesh: cannot write the charts: {error}", file=sys.stderr)
        return 1
    return 0


def _print_gateway_api(parsed: argparse.Namespace) -> int:
    import json

    from pocketmesh.schema.crds import gateway_api_crds, gateway_api_policies

    items = [*gateway_api_crds(), *gateway_api_policies()]
    print(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    return 0


async def _serve(state: Path, istio: str, port: int) -> None:
    # aiohttp reads the machine's authorities twice when it is imported; nothing here ever trusts them.
    os.environ["SSL_CERT_FILE"] = os.devnull
    from pocketmesh.cluster import Place, run

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await run(Place(state, Path("run")), "ambient" if istio == "ambient" else "none", port, stop)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pocketmesh", description="A Kubernetes API with an ambient mesh, in one process."
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    serve = verbs.add_parser(
        "serve",
        help="serve one cluster until SIGTERM",
        description="Serves one cluster on 127.0.0.1 until SIGTERM. DIR/kubeconfig appears when it is ready.",
    )
    serve.add_argument("--state", type=Path, required=True, metavar="DIR", help="where the cluster is kept")
    serve.add_argument(
        "--istio", choices=("ambient", "none"), default="ambient", help="what a new cluster has (ambient)"
    )
    serve.add_argument(
        "--port", type=int, default=0, metavar="N", help="0, the default: the one it had, or any"
    )
    serve.set_defaults(run=_serve_one)
    trace = verbs.add_parser("trace", help="follow one request through a cluster's mesh")
    trace.add_argument(
        "client", metavar="FROM", help="NAMESPACE/POD, a Deployment's name for its pods, or host"
    )
    trace.add_argument("url", metavar="URL", help="where to, http or https")
    trace.add_argument("--kubeconfig", metavar="FILE", help="which cluster; else $KUBECONFIG, ~/.kube/config")
    trace.add_argument("-X", "--request", dest="method", default="GET", metavar="METHOD", help="GET")
    trace.add_argument("-H", "--header", dest="headers", action="append", default=[], metavar="LINE")
    trace.add_argument("--svg", type=Path, metavar="FILE", help="write the picture to a file")
    trace.add_argument("--json", dest="as_json", action="store_true", help="for programs")
    trace.set_defaults(run=_trace)
    charts = verbs.add_parser("charts", help="write Helm charts of Istio for this cluster")
    charts.add_argument("folder", type=Path, metavar="DIR", help="a folder for base, istiod, cni and ztunnel")
    charts.set_defaults(run=_write_charts)
    gateway_api = verbs.add_parser("gateway-api", help="print Gateway API's kinds, for kubectl apply -f -")
    gateway_api.set_defaults(run=_print_gateway_api)
    verbs.add_parser("istioctl", help="a stand-in for istioctl, of the cluster that a kubeconfig names")
    return parser
