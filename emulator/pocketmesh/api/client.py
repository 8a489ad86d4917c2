"""The API as the parts of this process use it: controllers, the node, istiod's reconcilers.

In-process and trusted: no HTTP, no authorization, but the same registry, so a controller's write is
validated, recorded under its field manager and seen by watchers like anyone's. Versions are the
stored ones. Objects that come out are shared and must not be changed: use `objects.copied`.
"""

from __future__ import annotations

from dataclasses import replace

from pocketmesh.api.calls import Caller, DeleteOptions, Write
from pocketmesh.api.errors import ApiError
from pocketmesh.api.patch import content
from pocketmesh.api.registry import Registry
from pocketmesh.objects import Object, name_of, namespace_of
from pocketmesh.schema.kinds import Kind
from pocketmesh.store import Key


class Client:
    """Reads and writes in the name of one field manager.

    `resource` is the version-free name: `pods`, `deployments.apps`. Writes raise ApiError.
    """

    def __init__(self, registry: Registry, manager: str, user: str = "", *, proven: bool = False) -> None:
        self._registry = registry
        self._write = Write(
            Caller(user or f"system:{manager}", ("system:masters", "system:authenticated")),
            manager,
            proven=proven,
        )
        self._forced = replace(self._write, force=True)

    @property
    def registry(self) -> Registry:
        """Where this client writes to."""
        return self._registry

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        """One object, None when it is not there; `namespace` is empty for a cluster-wide one."""
        stored = self._registry.store.get(Key(resource, namespace, name))
        return stored.object if stored else None

    def all(self, resource: str, namespace: str = "") -> list[Object]:
        """All objects of a resource, of one namespace when given."""
        return [stored.object for stored in self._registry.store.objects(resource, namespace)]

    def create(self, resource: str, obj: Object) -> Object:
        """Adds an object where its metadata says."""
        kind = self._kind(resource, obj)
        return self._registry.create(kind, namespace_of(obj), obj, self._write).object

    def update(self, resource: str, obj: Object) -> Object:
        """Replaces an object; with a resourceVersion in it only if that is still the current one."""
        return self._update(resource, obj, "")

    def update_status(self, resource: str, obj: Object) -> Object:
        """Writes the status of an object, under the same condition; its spec is not looked at.

        An object that is as it was costs nothing: reconcilers say what they see again and again.
        """
        current = self.get(resource, namespace_of(obj), name_of(obj))
        return current if current == obj else self._update(resource, obj, "status")

    def merge(self, resource: str, namespace: str, name: str, patch: Object, subresource: str = "") -> Object:
        """A JSON merge patch (RFC 7386)."""
        kind = self._kind(resource, {})
        return self._registry.patch(
            kind, namespace, name, content.MERGE, patch, self._write, subresource=subresource
        ).object

    def apply(self, resource: str, obj: Object, *, subresource: str = "", force: bool = True) -> Object:
        """Server-side apply: creates, or changes what this manager names and drops what it no longer does."""
        kind = self._kind(resource, obj)
        write = self._forced if force else self._write
        return self._registry.patch(
            kind, namespace_of(obj), name_of(obj), content.APPLY, obj, write, subresource=subresource
        ).object

    def bind(self, namespace: str, name: str, node: str) -> None:
        """Assigns a pod to a node. Raises ApiError 404, or 409 for a pod that has one."""
        target = {"target": {"kind": "Node", "name": node}}
        kind = self._kind("pods", {})
        self._registry.create(kind, namespace, target, self._write, subresource="binding", name=name)

    def delete(
        self,
        resource: str,
        namespace: str,
        name: str,
        *,
        propagation: str = "Background",
        grace: int | None = None,
        uid: str = "",
    ) -> None:
        """Deletes; what is not there, or has another uid by now, is fine."""
        options = DeleteOptions(grace, propagation, uid)
        try:
            self._registry.delete(self._kind(resource, {}), namespace, name, options, self._write)
        except ApiError as error:
            if error.code != 404 and not (uid and error.code == 409):
                raise

    def _update(self, resource: str, obj: Object, subresource: str) -> Object:
        kind, metadata = self._kind(resource, obj), obj["metadata"]
        if "resourceVersion" not in metadata:
            current = self._registry.get(kind, namespace_of(obj), name_of(obj))["metadata"]
            obj = {**obj, "metadata": {**metadata, "resourceVersion": current["resourceVersion"]}}
        return self._registry.update(
            kind, namespace_of(obj), name_of(obj), obj, self._write, subresource=subresource
        ).object

    def _kind(self, resource: str, obj: Object) -> Kind:
        """The version that the object speaks, the stored one when it does not say."""
        version = obj.get("apiVersion")
        kinds = self._registry.kinds
        for kind in kinds.versions(resource) if version else ():
            if kind.api_version == version:
                return kind
        return kinds.stored(resource)
