"""The command `pocketmesh`: which verbs there are. What a verb needs is imported when it is chosen."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Exit codes: 0 stopped, 1 could not serve, 2 wrong usage; those of `istioctl` are its own."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["istioctl"]:
        from pocketmesh.istioctl.cli import main as istioctl

        return istioctl(arguments[1:])
    parsed = _parser().parse_args(arguments)
    code: int = parsed.run(parsed)
    return code


def _serve(parsed: argparse.Namespace) -> int:
    from pocketmesh.serving import serve

    return serve(parsed.state, parsed.istio, parsed.port)


def _forkserver(parsed: argparse.Namespace) -> int:
    import socket

    from pocketmesh.forkserver import forked

    arguments = forked(socket.socket(fileno=sys.stdin.fileno()))
    return 0 if arguments is None else main(arguments)


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

    # One by one: of a List kubectl asks no server whether it validates, and does it all by itself.
    for obj in (*gateway_api_crds(), *gateway_api_policies()):
        print(json.dumps(obj))
    return 0


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
    serve.set_defaults(run=_serve)
    forkserver = verbs.add_parser("forkserver", help="for programs: serve clusters from forks of one process")
    forkserver.set_defaults(run=_forkserver)
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
