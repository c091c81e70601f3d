"""From the template's container to a command on this machine: command, args, environment, working directory."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evonas.errors import FieldProblem, InvalidManifest
from evonas.spec import SearchSpec

_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")
_POD_VARIABLES = frozenset({"POD_NAME", "POD_NAMESPACE", "POD_UID"})


class LocalCommand:
    """The trial container's command, ready to be run with a trial's variables.

    Image, volumes and resources are the cluster's affair; a container that needs them says so by failing. Raises
    InvalidManifest where the container cannot be run without its image.
    """

    def __init__(self, spec: SearchSpec) -> None:
        containers = spec.trial.containers
        position = next(i for i, container in enumerate(containers) if container["name"] == spec.trial.container)
        self._container = containers[position]
        self._field = f"spec.trial.template.spec.containers[{position}]"
        if not self._container.get("command"):
            problem = "a local run does not know the image's entry point; write it as command"
            raise InvalidManifest([FieldProblem(f"{self._field}.command", f"Required value: {problem}")])
        self._own_environment()

    @property
    def workdir(self) -> str:
        """The container's working directory where this machine has it, else the current one."""
        wanted = self._container.get("workingDir")
        return wanted if wanted and Path(wanted).is_dir() else str(Path.cwd())

    def environment(self, contract: Mapping[str, str]) -> dict[str, str]:
        """Return this process's environment, the container's and the contract's, later ones first."""
        # "python" shall be the interpreter, with the packages, that runs this search.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        # A run inside a pod must not have its trials annotate that pod.
        inherited = {name: value for name, value in os.environ.items() if name not in _POD_VARIABLES}
        environment = {**inherited, "PATH": path, **contract}
        for name, value in self._own_environment().items():
            environment[name] = expand(value, environment)
        return environment | dict(contract)

    def arguments(self, environment: Mapping[str, str]) -> list[str]:
        """Return command and args with ``$(NAME)`` replaced, as the kubelet does it."""
        words = [*self._container["command"], *self._container.get("args", ())]
        return [expand(str(word), environment) for word in words]

    def _own_environment(self) -> dict[str, str]:
        own: dict[str, str] = {}
        entries: list[Mapping[str, Any]] = self._container.get("env", [])
        for position, entry in enumerate(entries):
            if "valueFrom" in entry:
                problem = "a local run has no cluster to read it from; give a value or set the variable outside"
                if entry["name"] not in os.environ:
                    raise InvalidManifest([FieldProblem(f"{self._field}.env[{position}].valueFrom", problem)])
                continue
            own[entry["name"]] = str(entry.get("value", ""))
        return own


def expand(text: str, environment: Mapping[str, str]) -> str:
    """Replace ``$(NAME)`` by the variable; ``$$`` is a dollar, and unknown names stay as they are."""
    return _REFERENCE.sub(
        lambda match: "$" if match.group(1) is None else environment.get(match.group(1), match.group(0)), text
    )
