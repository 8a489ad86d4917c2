"""The CustomResourceDefinitions that this product brings along: Gateway API and Istio.

No package ships them with their CEL rules, so they are written here, in the notation of `notation`: what
upstream's definitions say of fields, limits, defaults and rules, with descriptions of our own. Versions that
upstream no longer serves are left out. Whoever prefers upstream's own files applies them over these.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from pocketmesh.objects import Object
from pocketmesh.schema.crds.bundle import definitions

_HERE = Path(__file__).parent
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def gateway_api_crds() -> list[Object]:
    """Gateway API 1.5.1, standard channel, as `apiextensions.k8s.io/v1` objects.

    Parts of the objects are the same dicts: whoever changes one takes a copy first.
    """
    return definitions(_pages("gateway-api"))


def gateway_api_policies() -> list[Object]:
    """What Gateway API brings along to guard its definitions: a ValidatingAdmissionPolicy and its binding."""
    found: list[Object] = yaml.load((_HERE / "policies/gateway-api.yaml").read_bytes(), _Loader)
    return found


def istio_crds() -> list[Object]:
    """The fifteen kinds of Istio 1.30, as `apiextensions.k8s.io/v1` objects, parts shared as above."""
    return definitions(_pages("istio"))


def _pages(bundle: str) -> list[Object]:
    return [yaml.load(page.read_bytes(), _Loader) for page in sorted((_HERE / bundle).glob("*.yaml"))]
