"""Argo CD's settings for searches, one file to merge into the ConfigMap argocd-cm, built from the Lua scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

FOLDER = Path("extras/argocd")
KIND = "evonas.dev_ArchitectureSearch"


class _Dumper(yaml.SafeDumper):
    """Writes multi-line strings as blocks."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def render(folder: Path) -> str:
    """Return the ConfigMap with the scripts of ``folder``."""
    scripts = {path.stem: path.read_text() for path in sorted((folder / "actions").glob("*.lua"))}
    actions = {
        "discovery.lua": scripts.pop("discovery"),
        "definitions": [{"name": name, "action.lua": script} for name, script in scripts.items()],
    }
    data = {
        f"resource.customizations.health.{KIND}": (folder / "health.lua").read_text(),
        f"resource.customizations.actions.{KIND}": _dump(actions),
    }
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm"}, "data": data}
    return f"# Made by `make generate` from the scripts beside it.\n{_dump(body)}"


def _dump(body: Any) -> str:
    text: str = yaml.dump(body, Dumper=_Dumper, sort_keys=False, width=120)
    return text
