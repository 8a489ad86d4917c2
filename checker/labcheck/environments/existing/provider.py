"""The existing provider: a lab in a cluster that a context of the user's kubeconfig names.

Nothing of the cluster is touched but the lab's namespaces, which have a prefix and must not exist before, and
labcheck's identity for grading. What is ours carries a label with the environment's name, and only that is
ever deleted. The user's kubeconfig is read once and copied; it is never written.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from labcheck import programs
from labcheck.environments import inventory
from labcheck.environments.existing import rules
from labcheck.environments.kind.plan import LABEL, cluster_name
from labcheck.environments.provider import Progress, silent
from labcheck.errors import EnvironmentTrouble, UsageError, did_you_mean
from labcheck.kube import ApiRefused, Cluster, connect, identity
from labcheck.kube.connection import Object
from labcheck.lab.pages import setup_documents
from labcheck.lab.variant import Variant

_MANAGER = "labcheck-owner"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_SHARED = "shared"
"""The label of what all labs in the cluster have in common."""
_PATIENCE = 60.0
_POLL = 0.1


class Existing:
    """Somebody's cluster. `sure` is the user's word that it may be used although it looks like production."""

    name = "existing"
    patience = 10.0
    """Seconds. Nobody can be asked whether a mesh of many programs has followed, so it is given time."""
    traces = False
    prefix = "labcheck-"
    light = False
    exact = False
    shared = True
    setup_timeout = 300.0

    def __init__(self, context: str = "", *, sure: bool = False) -> None:
        self._context = context
        self._sure = sure

    def many(self, scratch: Path) -> AbstractContextManager[Existing]:
        return nullcontext(self)

    def start(self, folder: Path, variant: Variant) -> None:
        if (folder / "owner").exists() and (folder / "kubeconfig").exists():
            return
        config = self._chosen()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        kubeconfig = folder / "kubeconfig"
        kubeconfig.touch(mode=0o600)
        kubeconfig.write_text(json.dumps(config), encoding="utf-8")
        manifests = [it.data for it in setup_documents(variant)]
        owner = cluster_name(folder, variant.lab.id)
        with connect(kubeconfig) as cluster:
            _refuse(cluster, variant, manifests, owner)
            # From here on there is something to clear up.
            (folder / "owner").write_text(owner, encoding="utf-8")
            for name in [*rules.namespaces(manifests), identity.NAMESPACE]:
                mark = _SHARED if name == identity.NAMESPACE else owner
                _own(cluster, name, mark)

    def wait(self, folder: Path, progress: Progress = silent) -> Path:
        kubeconfig = folder / "kubeconfig"
        deadline = time.monotonic() + _PATIENCE
        with connect(kubeconfig) as cluster:
            accounts = cluster.kind("ServiceAccount")
            for name in _ours(cluster, _owner(folder)):
                # It comes a moment after its namespace, and pods are refused before.
                while cluster.get(accounts, "default", name) is None and time.monotonic() < deadline:
                    time.sleep(_POLL)
        return kubeconfig

    def running(self, folder: Path) -> bool:
        return bool(self._namespaces(folder))

    def gone(self, folder: Path) -> bool:
        return self._namespaces(folder) == []

    def stop(self, folder: Path) -> None:
        owner = _owner(folder)
        if not owner:
            return
        with connect(folder / "kubeconfig") as cluster:
            for name in _ours(cluster, owner):
                _remove(cluster, f"/api/v1/namespaces/{name}")
            every = cluster.all(cluster.kind("Namespace"))
            others = [it for it in every if _mark(it) not in {"", owner, _SHARED}]
            if not others:
                for name in _ours(cluster, _SHARED):
                    _remove(cluster, f"/api/v1/namespaces/{name}")
                for plural in ("clusterrolebindings", "clusterroles"):
                    _remove(cluster, f"{_RBAC}/{plural}/{identity.NAME}")
            deadline = time.monotonic() + self.setup_timeout
            while _ours(cluster, owner) and time.monotonic() < deadline:
                time.sleep(_POLL)
        (folder / "owner").unlink(missing_ok=True)

    def abandon(self, folder: Path) -> bool:
        try:
            self.stop(folder)
        except EnvironmentTrouble:
            return True  # the cluster has gone away: whoever goes on or takes this down meets, and says, it
        return False

    def snapshot(self, folder: Path, cluster: Cluster, name: str) -> None:
        inventory.save(folder / f"{name}.inventory.json", cluster, _scope(folder))

    def restore(self, folder: Path, cluster: Cluster, name: str) -> None:
        saved = folder / f"{name}.inventory.json"
        inventory.bring_back(saved, cluster, _scope(folder), self.setup_timeout)

    def everything(self, cluster: Cluster) -> Iterable[Object]:
        return inventory.everything(cluster)

    def converge(self, folder: Path, over: Cluster | None = None) -> float:
        return self.patience

    def logs(self, folder: Path) -> Path:
        return folder / "log"

    def _namespaces(self, folder: Path) -> list[str] | None:
        """The lab's namespaces that are there; None when the cluster does not answer."""
        try:
            with connect(folder / "kubeconfig") as cluster:
                return _ours(cluster, _owner(folder))
        except EnvironmentTrouble:
            return None

    def _chosen(self) -> Mapping[str, Any]:
        """The kubeconfig of the context alone. Raises UsageError for one that must not be used."""
        programs.require("kubectl")
        contexts = _kubectl("config", "get-contexts", "--output=name").split()
        if not self._context:
            known = ", ".join(contexts) or "none; is KUBECONFIG set?"
            raise UsageError(
                "Say which cluster: --provider existing needs --context NAME.",
                next_step=f"Contexts of your kubeconfig: {known}",
            )
        if self._context not in contexts:
            raise UsageError(
                f"Your kubeconfig has no context `{self._context}`. {did_you_mean(self._context, contexts)}"
            )
        words = ("config", "view", "--minify", "--flatten", "--raw", "--output=json")
        config: Mapping[str, Any] = json.loads(_kubectl(*words, f"--context={self._context}"))
        server, cluster = config["clusters"][0]["cluster"]["server"], config["clusters"][0]["name"]
        why = rules.looks_like_production(self._context, cluster, server)
        if why and not self._sure:
            raise UsageError(
                f"The context `{self._context}` may be a cluster that others rely on: {why}.",
                next_step="If a lab may be run there all the same, say so: --i-know",
            )
        return config


def _refuse(cluster: Cluster, variant: Variant, manifests: list[Any], owner: str) -> None:
    """Raises UsageError or EnvironmentTrouble for what keeps the lab out of the cluster."""
    lab = variant.lab
    if outside := rules.misplaced(manifests, cluster.kinds()):
        raise UsageError(
            f"The setup of {lab.id} has objects outside its own namespaces; your cluster is spared them.",
            evidence=f"{', '.join(outside[:3])}.",
            next_step=f"Run it elsewhere: labcheck up {lab.id} --provider kind",
        )
    if lab.environment.istio == "ambient" and not _has_ambient(cluster):
        raise EnvironmentTrouble(
            f"{lab.id} needs Istio in ambient mode, and the cluster has no GatewayClass istio-waypoint.",
            next_step="Install the Gateway API's CRDs, then: istioctl install --set profile=ambient",
        )
    denied = [right for right in rules.rights(manifests, cluster.kinds()) if not _allowed(cluster, right)]
    if denied:
        raise EnvironmentTrouble(
            f"You may not do what {lab.id} takes in this cluster.",
            evidence="\n".join(f"not allowed: {right}" for right in denied[:8]),
            next_step="Ask for these rights, or leave out --provider existing.",
        )
    for name in rules.namespaces(manifests):
        there = cluster.get(cluster.kind("Namespace"), name)
        if there is not None and _mark(there) != owner:
            raise UsageError(
                f"The cluster has a namespace `{name}` already, and it is not this lab's.",
                next_step="Another seed takes other names: --seed 2",
            )


def _has_ambient(cluster: Cluster) -> bool:
    try:
        return cluster.get(cluster.kind("GatewayClass"), "istio-waypoint") is not None
    except LookupError:
        return False


def _allowed(cluster: Cluster, right: rules.Right) -> bool:
    resource, _, subresource = right.resource.partition("/")
    asked = {
        "verb": right.verb,
        "group": right.group,
        "resource": resource,
        "subresource": subresource,
        "namespace": right.namespace,
    }
    answer = cluster.connection.request(
        "POST",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        body={
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        },
    )
    return bool(answer.get("status", {}).get("allowed"))


def _own(cluster: Cluster, name: str, mark: str) -> None:
    """Makes a namespace, with our label under a field manager of its own: the setup does not take it away."""
    cluster.connection.request(
        "PATCH",
        f"/api/v1/namespaces/{name}",
        query=[("fieldManager", _MANAGER), ("force", "true")],
        body={"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {LABEL: mark}}},
        content_type="application/apply-patch+yaml",
    )


def _ours(cluster: Cluster, owner: str) -> list[str]:
    if not owner:
        return []
    return [it["metadata"]["name"] for it in cluster.all(cluster.kind("Namespace"), labels={LABEL: owner})]


def _mark(namespace: Mapping[str, Any]) -> str:
    return str((namespace["metadata"].get("labels") or {}).get(LABEL, ""))


def _remove(cluster: Cluster, path: str) -> None:
    try:
        cluster.connection.request("DELETE", path)
    except ApiRefused as refusal:
        if refusal.code not in {404, 409}:
            raise


def _scope(folder: Path) -> inventory.Scope:
    owner = _owner(folder)
    return inventory.Scope(cluster_wide=False, namespace=lambda it: _mark(it) == owner)


def _owner(folder: Path) -> str:
    try:
        return (folder / "owner").read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return ""


def _kubectl(*words: str) -> str:
    done = subprocess.run(["kubectl", *words], capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        raise EnvironmentTrouble("Your kubeconfig cannot be read.", evidence=done.stderr.strip())
    return done.stdout
