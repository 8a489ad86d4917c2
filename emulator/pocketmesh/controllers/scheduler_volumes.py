"""What claims have to say about where a pod runs, and whether it may yet.

Follows pkg/scheduler/framework/plugins/volumebinding: a claim that waits for its first consumer is given a
volume that exists, or its provisioner is told the node; the pod is bound when all its claims are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.api.volumes import CLASSES
from pocketmesh.controllers.volume_matching import best, reference
from pocketmesh.controllers.volumes import CLAIMS, SELECTED_NODE, VOLUMES, claims_of, delayed, is_bound
from pocketmesh.objects import Object, annotations_of, name_of, namespace_of

ELSEWHERE: Final = "node(s) didn't match PersistentVolume's node affinity"
NONE_LEFT: Final = "node(s) didn't find available persistent volumes to bind"


class ClaimsOfPods:
    """Looks at the claims of pods that are to be scheduled."""

    def __init__(self, client: Client, term_fits: Callable[[Object, Object], bool]) -> None:
        self._client = client
        self._term_fits = term_fits

    def hopeless(self, pod: Object) -> str:
        """Why no node will do, empty when one may."""
        for name in claims_of(pod):
            claim = self._client.get(CLAIMS, namespace_of(pod), name)
            if claim is None:
                return f'persistentvolumeclaim "{name}" not found'
            if "deletionTimestamp" in claim["metadata"]:
                return f'persistentvolumeclaim "{name}" is being deleted'
            if (claim.get("status") or {}).get("phase") == "Lost":
                lost = f'persistentvolume "{_volume(claim)}"'
                return f'persistentvolumeclaim "{name}" bound to non-existent {lost}'
            if not is_bound(claim) and not delayed(claim, self._client):
                return "pod has unbound immediate PersistentVolumeClaims"
        return ""

    def lack(self, pod: Object, node: Object) -> list[str]:
        """What a node lacks for the claims of a pod."""
        for claim in self._claims(pod):
            if is_bound(claim):
                volume = self._client.get(VOLUMES, "", _volume(claim))
                if volume is not None and not self._reaches(volume, node):
                    return [ELSEWHERE]
            elif self._best(claim, node) is None and not self._is_provisioned(claim):
                return [NONE_LEFT]
        return []

    def bound(self, pod: Object, node: Object) -> bool:
        """Whether all claims are bound; those that are not, are on their way afterwards."""
        waiting = [claim for claim in self._claims(pod) if not is_bound(claim)]
        for claim in waiting:
            volume = self._best(claim, node)
            if volume is not None:
                change = {"spec": {"claimRef": reference(claim)}}
                self._client.merge(VOLUMES, "", name_of(volume), change)
            elif SELECTED_NODE not in annotations_of(claim):
                annotations = {"metadata": {"annotations": {SELECTED_NODE: name_of(node)}}}
                self._client.merge(CLAIMS, namespace_of(claim), name_of(claim), annotations)
        return not waiting

    def _claims(self, pod: Object) -> list[Object]:
        found = (self._client.get(CLAIMS, namespace_of(pod), name) for name in claims_of(pod))
        return [claim for claim in found if claim is not None]

    def _best(self, claim: Object, node: Object) -> Object | None:
        volumes = self._client.all(VOLUMES)
        return best(claim, [volume for volume in volumes if self._reaches(volume, node)])

    def _is_provisioned(self, claim: Object) -> bool:
        found = self._client.get(CLASSES, "", claim["spec"].get("storageClassName") or "")
        return found is not None and not found["provisioner"].startswith("kubernetes.io/")

    def _reaches(self, volume: Object, node: Object) -> bool:
        required = (volume["spec"].get("nodeAffinity") or {}).get("required")
        return not required or any(self._term_fits(term, node) for term in required["nodeSelectorTerms"])


def _volume(claim: Object) -> str:
    return str(claim["spec"].get("volumeName", ""))
