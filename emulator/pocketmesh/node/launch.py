"""From a container's spec to a program that can run: command line, variables, files. Reads, never writes."""

from __future__ import annotations

from dataclasses import dataclass

from pocketmesh.node.console import Console
from pocketmesh.node.environment import PATH, PodFields, environment, expand
from pocketmesh.node.files import MemoryFiles, MountedFiles
from pocketmesh.node.images import Image
from pocketmesh.node.log import ContainerLog
from pocketmesh.node.machine import Machine
from pocketmesh.node.mounts import PodVolumes
from pocketmesh.node.process import BUNDLE, Command, Container, Invocation
from pocketmesh.objects import Object, name_of, namespace_of


class NotExecutable(Exception):
    """The image has no such program; the message is the runtime's."""

    def __init__(self, program: str) -> None:
        super().__init__(
            f'exec: "{program}": '
            + (
                "stat " + program + ": no such file or directory"
                if program.startswith("/")
                else "executable file not found in $PATH"
            )
        )


@dataclass(frozen=True)
class Launch:
    """A main process, ready to be started."""

    command: Command
    invocation: Invocation
    console: Console


def prepare(
    machine: Machine,
    pod: Object,
    spec: Object,
    image: Image,
    ip: str,
    log: ContainerLog,
    volumes: PodVolumes,
) -> Launch:
    """Everything that a container's main process needs.

    Raises Unresolvable when it refers to something that is missing, NotExecutable when the image has no
    such program.
    """
    fields = PodFields(pod, ip, machine.address)
    hostname = hostname_of(pod, machine.name)
    own = environment(pod, spec, fields, machine.services(), machine.client.get)
    home = "/root" if image.user == "root" else f"/home/{image.user}"
    env = {"PATH": PATH, "HOSTNAME": hostname, "HOME": home, **image.env, **own}
    files, mounts = volumes.mounts(spec, env)
    container = Container(
        pod=pod,
        name=spec["name"],
        image=spec["image"],
        ip=ip,
        hostname=hostname,
        env=env,
        network=machine.network,
        log=log,
        commands=image.commands,
        files=MountedFiles(
            MemoryFiles({**authorities(machine.trusted), **system_files(pod, hostname, ip), **files}), mounts
        ),
        user=image.user,
        cwd=spec.get("workingDir") or image.workdir,
    )
    argv = [expand(word, env) for word in command_line(spec, image)]
    if not argv:
        raise NotExecutable("")
    console = Console(log, stdin=bool(spec.get("stdin")))
    invocation = Invocation(
        argv=argv,
        container=container,
        stdin=console.stdin,
        stdout=console.output("stdout"),
        stderr=console.output("stderr"),
        env=env,
        cwd=container.cwd,
        tty=bool(spec.get("tty")),
    )
    return Launch(program(container, argv[0]), invocation, console)


def command_line(spec: Object, image: Image) -> list[str]:
    """`command` replaces the image's entrypoint and its cmd, `args` the cmd alone."""
    command, args = spec.get("command"), spec.get("args")
    if command:
        return [*command, *(args or [])]
    return [*image.entrypoint, *(args if args is not None else image.cmd)]


def program(container: Container, name: str) -> Command:
    """An executable by name or path. Raises NotExecutable."""
    command = container.commands.get(name.rpartition("/")[2])
    if command is None:
        raise NotExecutable(name)
    return command


def hostname_of(pod: Object, node: str) -> str:
    """What `hostname` prints in the pod."""
    if pod["spec"].get("hostNetwork"):
        return node
    return str(pod["spec"].get("hostname") or name_of(pod))[:63]


def authorities(trusted: bytes) -> dict[str, bytes]:
    """The public authorities that an image comes with."""
    return {BUNDLE: trusted} if trusted else {}


def system_files(pod: Object, hostname: str, ip: str) -> dict[str, bytes]:
    """The files that the kubelet and the runtime put into every container
    (pkg/kubelet/kubelet_pods.go, pkg/kubelet/network/dns)."""
    hosts = (
        "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
    )
    hosts += (
        "fe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n"
    )
    hosts += f"{ip}\t{hostname}\n"
    for alias in pod["spec"].get("hostAliases") or []:
        hosts += f"{alias['ip']}\t{' '.join(alias.get('hostnames') or [])}\n"
    search = f"{namespace_of(pod)}.svc.cluster.local svc.cluster.local cluster.local"
    return {
        "/etc/hosts": hosts.encode(),
        "/etc/hostname": f"{hostname}\n".encode(),
        "/etc/resolv.conf": f"search {search}\nnameserver 10.96.0.10\noptions ndots:5\n".encode(),
    }
