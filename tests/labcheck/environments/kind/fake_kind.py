"""A kind whose clusters are embedded ones: the one step that needs images is replaced, and nothing else is.

What it prints was recorded from kind v0.33.0 where an engine lets it run (version, first steps, errors) and
follows that version's create.go and docker-image.go from there on, all of it to standard error as kind does.
Clusters live in $FAKE_KIND, each in a folder; a file `fail` there holds what a creation fails with, a file
`hang` keeps it from ending.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from labcheck.environments import process

VERSION = "kind v0.33.0 go1.27.2 linux/amd64"
STEPS = (
    "Ensuring node image (docker.io/kindest/node:v1.36.1) 🖼️ ",
    "Preparing nodes 📦",
    "Writing configuration 📜",
)
MORE = ("Starting control-plane 🕹️", "Installing CNI 🔌", "Installing StorageClass 💾")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def create(place: Path, name: str, kubeconfig: Path) -> int:
    folder = place / name
    if folder.exists():
        say(f'ERROR: failed to create cluster: node(s) already exist for a cluster with the name "{name}"')
        return 1
    say(f'Creating cluster "{name}" ...')
    folder.mkdir(parents=True)
    for step in STEPS:
        say(f" • {step} ...\n ✓ {step}")
    if (place / "fail").exists():
        say(f" ✗ {MORE[0]}\nERROR: failed to create cluster: {(place / 'fail').read_text()}")
        shutil.rmtree(folder)
        return 1
    while (place / "hang").exists():
        time.sleep(0.05)
    command = [sys.executable, "-P", "-m", "pocketmesh", "serve", "--state", str(folder), "--istio", "none"]
    os.environ.pop("ANSIBLE_HOME", None)  # a cluster is nobody's child
    (folder / "started").write_text(str(process.start(command, folder / "log")))
    while not (folder / "kubeconfig").exists():
        time.sleep(0.05)
    for step in MORE:
        say(f" • {step} ...\n ✓ {step}")
    kubeconfig.write_text((folder / "kubeconfig").read_text())
    rename = ["kubectl", "config", "rename-context", "pocketmesh", f"kind-{name}", "--kubeconfig", kubeconfig]
    subprocess.run(rename, stdout=subprocess.DEVNULL, check=True)
    say(f'Set kubectl context to "kind-{name}"')
    return 0


def delete(place: Path, name: str) -> int:
    folder = place / name
    say(f'Deleting cluster "{name}" ...')
    if (folder / "started").exists():
        process.stop(int((folder / "started").read_text()), str(folder))
    if folder.exists():
        shutil.rmtree(folder)
        say(f'Deleted nodes: ["{name}-control-plane"]')
    return 0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs="+")
    for option in ("--name", "--config", "--kubeconfig", "--wait"):
        parser.add_argument(option)
    asked = parser.parse_args()
    place = Path(os.environ["FAKE_KIND"])
    match asked.words:
        case ["version"]:
            print(VERSION)
        case ["create", "cluster"]:
            name = json.loads(Path(asked.config).read_text())["name"] if asked.config else asked.name
            return create(place, name, Path(asked.kubeconfig))
        case ["get", "clusters"]:
            print(*sorted(it.name for it in place.iterdir() if it.is_dir()), sep="\n")
        case ["delete", "cluster"]:
            return delete(place, asked.name)
        case ["load", "docker-image", image]:
            node = f"{asked.name}-control-plane"
            say(f'Image: "{image}" with ID "sha256:0" not yet present on node "{node}", loading...')
    return 0


if __name__ == "__main__":
    sys.exit(main())
