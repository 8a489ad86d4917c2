"""Four small Helm charts of the same objects, for the way of installing that goes chart by chart.

They have the names of Istio's own charts and the release that this cluster speaks for, but hardly a value:
what they would have to emulate and cannot, such as another profile, they refuse.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import yaml

from pocketmesh.istio.install import COMPONENTS, chart_objects, chart_of
from pocketmesh.objects import Object, labels_of, name_of
from pocketmesh.versions import ISTIO

_Dumper: Final = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_NEEDS_PROFILE: Final = frozenset({"cni", "istiod"})
_PROFILE: Final = """\
{{- if ne (toString .Values.profile) "ambient" }}
{{- fail "the embedded cluster emulates the ambient profile only: add --set profile=ambient" }}
{{- end }}
"""
_TAG: Final = "istio-revision-tag-default"
"""What istioctl adds to what the charts have."""

_NAME: Final = "@release@"
"""Stands for the name of the release until Helm's own braces may be written."""

_MESH: Final = "@mesh@"
"""Stands likewise for the mesh's configuration, which `--set meshConfig.…` adds to."""


def write_charts(folder: Path) -> list[Path]:
    """Writes the charts `base`, `istiod`, `cni` and `ztunnel` into a folder; those of before are replaced.

    Raises OSError.
    """
    written = []
    for component in COMPONENTS:
        name = chart_of(component)
        chart = folder / name
        (chart / "templates").mkdir(parents=True, exist_ok=True)
        (chart / "Chart.yaml").write_text(yaml.safe_dump(_description(name), sort_keys=False))
        (chart / "values.yaml").write_text('profile: ""\nglobal: {}\nmeshConfig: {}\n')
        objects = [obj for obj in chart_objects(component) if name_of(obj) != _TAG]
        text = "---\n".join(map(_template, objects))
        (chart / "templates" / "all.yaml").write_text((_PROFILE if name in _NEEDS_PROFILE else "") + text)
        written.append(chart)
    return written


def _description(name: str) -> Object:
    return {
        "apiVersion": "v2",
        "name": name,
        "description": f"Istio's {name} for the embedded cluster of labcheck",
        "type": "application",
        "version": ISTIO,
        "appVersion": ISTIO,
    }


def _template(obj: Object) -> str:
    """An object as a template: its own braces are kept from Helm."""
    metadata = {**obj["metadata"], "labels": {**labels_of(obj), "app.kubernetes.io/instance": _NAME}}
    mesh = ""
    if (obj["kind"], name_of(obj)) == ("ConfigMap", "istio"):
        values = json.dumps(yaml.safe_load(obj["data"]["mesh"]))
        mesh = f"{{{{ mergeOverwrite (fromJson `{values}`) .Values.meshConfig | toYaml | quote }}}}"
        obj = {**obj, "data": {**obj["data"], "mesh": _MESH}}
    text: str = yaml.dump({**obj, "metadata": metadata}, Dumper=_Dumper, sort_keys=False)
    text = text.replace("{{", '{{ "{{" }}').replace(f"'{_MESH}'", mesh)
    return text.replace(_NAME, "{{ .Release.Name }}")
