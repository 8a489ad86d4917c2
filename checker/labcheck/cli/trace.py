"""`trace`: one request of a pod followed through the mesh, by the cluster that carries it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from labcheck.cli.options import Session, json_option, lab_argument, print_json

_PATH = "/pocketmesh/v1/trace"
_HOST = "host"


@click.command("trace")
@lab_argument
@click.argument("client", metavar="FROM")
@click.argument("url", metavar="URL")
@click.option("-X", "--request", "method", default="GET", metavar="METHOD", help="The request's method.")
@click.option("-H", "--header", "headers", multiple=True, metavar="LINE", help="A header, such as 'a: b'.")
@click.option("--svg", type=click.Path(dir_okay=False, path_type=Path), help="Write the picture to a file.")
@json_option
@click.pass_obj
def trace_command(
    session: Session,
    lab: str,
    client: str,
    url: str,
    method: str,
    headers: tuple[str, ...],
    svg: Path | None,
    as_json: bool,
) -> None:
    """Follow one request from the pod FROM to URL: who took it, which object decided, where it went.

    FROM is a pod of the lab's namespace or one that its checks send requests from, else NAMESPACE/POD; the
    name of a Deployment means one of its pods, and `host` this machine. The request is sent.
    """
    from labcheck.environments.choice import provider
    from labcheck.environments.standing import running
    from labcheck.errors import UsageError
    from labcheck.kube import ApiRefused, connect

    environment = running(session.state, session.running_id(lab))
    record = environment.record
    if not provider(record.provider).traces:
        raise UsageError(
            f"Requests can only be followed on the embedded cluster; {record.lab} runs on {record.provider}.",
            next_step="Read the logs: kubectl logs -n istio-system ds/ztunnel",
        )
    namespace, _, name = record.probes.get(client, client).rpartition("/")
    if not namespace and name != _HOST:
        namespace = record.namespace
    asked = {"namespace": namespace, "client": name, "url": url}
    try:
        found: dict[str, Any] = connect(environment.folder.kubeconfig).connection.request(
            "POST", _PATH, body={**asked, "method": method, "headers": list(headers)}
        )
    except ApiRefused as refused:
        if refused.code not in {400, 404}:
            raise
        raise UsageError(
            f"This request cannot be followed: {refused.message}.",
            next_step="A pod of another namespace is NAMESPACE/POD; see them: kubectl get pods -A",
        ) from refused
    if svg is not None:
        svg.write_text(found["svg"], encoding="utf-8")
    if as_json:
        print_json(found["trace"])
    else:
        click.echo(found["text"], nl=False)
