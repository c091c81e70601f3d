"""What a search from Python mounts into its trials' image: files in a ConfigMap, and the pod template that has them.

Pure but for reading the three modules of ``evonas_trial`` that every function needs. The ConfigMap is immutable and its
name is derived from what it holds: trials that run keep their files when a search is changed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evonas.errors import EvonasError
from evonas.search.names import SEARCH_LABEL

FOLDER = "/evonas"
"""Where the files are in the image."""
SCRIPT = "train.py"
PACKAGE = "evonas_trial"
_MODULES = ("report.py", "termination.py", "function.py")
_JOINS_THE_IMAGES_OWN = f'"""{PACKAGE}, with what the image has of it."""\n' + (
    "from pkgutil import extend_path\n\n__path__ = extend_path(__path__, __name__)\n"
)
"""An empty package would hide the rest of an ``evonas_trial`` that the image itself has."""
MAX_BYTES = 1 << 20
"""What a ConfigMap holds."""
GPU_RESOURCE = "nvidia.com/gpu"
VOLUME = "evonas-files"


@dataclass(frozen=True)
class MountedFiles:
    """Files of a search, by their paths below FOLDER."""

    name: str
    """The ConfigMap's."""
    contents: Mapping[str, str]

    @property
    def data(self) -> dict[str, str]:
        """The ConfigMap's data: a key cannot be a path."""
        return {_key(path): text for path, text in self.contents.items()}

    def config_map(self, search: str, owner: Mapping[str, Any]) -> dict[str, Any]:
        """Return the ConfigMap of a search, which ``owner`` refers to."""
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": self.name, "labels": {SEARCH_LABEL: search}, "ownerReferences": [dict(owner)]},
            "immutable": True,
            "data": self.data,
        }


def mounted_script(search: str, script: str) -> MountedFiles:
    """Return the files of a function's script; EvonasError if they are more than a ConfigMap holds."""
    contents = {SCRIPT: script, f"{PACKAGE}/__init__.py": _JOINS_THE_IMAGES_OWN}
    contents |= {f"{PACKAGE}/{module}": _source(module) for module in _MODULES}
    size = sum(len(text.encode()) for text in contents.values())
    if size > MAX_BYTES:
        raise EvonasError(
            f"submit: the function and what it uses are {size:,} bytes, and a ConfigMap holds {MAX_BYTES:,}:"
            " read large constants from a file in the image or on a volume, or build an image and submit its command"
        )
    digest = hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()
    return MountedFiles(f"{search}-files-{digest[:10]}", contents)


def template_of(
    image: str,
    *,
    command: Sequence[str] = (),
    args: Sequence[str] = (),
    gpus: int = 0,
    cpu: str | int | float | None = None,
    memory: str | None = None,
    env: Mapping[str, str] | None = None,
    files: MountedFiles | None = None,
) -> dict[str, Any]:
    """Return the pod template of a search's trials: ``spec.trial.template``.

    Without a ``command``, that of the image runs or, where there are ``files``, their script. Kubernetes replaces
    ``$(EVONAS_D_WIDTH)`` in ``command``, ``args`` and ``env``. Memory and GPUs are limits; ``cpu`` is what a trial is
    sure to get, and may be more.
    """
    container: dict[str, Any] = {"name": "trial", "image": image}
    if command or files is not None:
        # Unbuffered, so that a log shows what the function has printed so far.
        container["command"] = [*command] or ["python", "-u", f"{FOLDER}/{SCRIPT}"]
    if args:
        container["args"] = [*args]
    if env:
        container["env"] = [{"name": name, "value": value} for name, value in env.items()]
    requests = {name: str(amount) for name, amount in (("cpu", cpu), ("memory", memory)) if amount is not None}
    limits = {name: amount for name, amount in requests.items() if name == "memory"}
    if gpus:
        limits[GPU_RESOURCE] = str(gpus)
    resources = {name: amounts for name, amounts in (("requests", requests), ("limits", limits)) if amounts}
    if resources:
        container["resources"] = resources
    pod: dict[str, Any] = {"containers": [container]}
    if files is not None:
        container["volumeMounts"] = [{"name": VOLUME, "mountPath": FOLDER, "readOnly": True}]
        items = [{"key": _key(path), "path": path} for path in files.contents]
        pod["volumes"] = [{"name": VOLUME, "configMap": {"name": files.name, "items": items}}]
    return {"spec": pod}


def _key(path: str) -> str:
    return path.replace("/", ".")


def _source(module: str) -> str:
    """Return the text of a module that no import is needed for."""
    spec = importlib.util.find_spec(PACKAGE)
    assert spec is not None, f"{PACKAGE} is a part of this distribution"
    assert spec.origin is not None
    return Path(spec.origin).with_name(module).read_text(encoding="utf-8")
