"""From the template's container to a command on this machine: command, args, environment, working directory."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evonas.errors import FieldProblem, InvalidManifest
from evonas.hints import unquoted
from evonas.spec import SearchSpec
from evonas.variables import POD_VARIABLES, is_pods_own
from evonas.wording import counted

# As the kubelet reads it (third_party/forked/golang/expansion): anything between the parentheses is the name.
_REFERENCE = re.compile(r"\$\$|\$\(([^)]*)\)")


class LocalCommand:
    """The trial container's command, ready to run with a trial's variables.

    Image, volumes and resources apply only in a cluster; a container that needs them fails here. Raises InvalidManifest
    if the container cannot be run without its image, or a trial has several pods.
    """

    def __init__(self, spec: SearchSpec) -> None:
        check_runs_here(spec)
        self._container = spec.trial.containers[spec.trial.container_position]
        self._field = spec.trial.container_field
        # As Kubernetes tells each pod of an Indexed Job.
        self._numbered = {} if spec.trial.workload is None else {"JOB_COMPLETION_INDEX": "0"}
        self._words = [*self._texts("command"), *self._texts("args")]
        if not self._container.get("command"):
            problem = "a local run does not know the image's entry point; write it as command"
            raise self._wrong("command", f"Required value: {problem}")
        self._own_environment()

    @property
    def workdir(self) -> str:
        """The container's working directory if it exists on this machine, otherwise the current one."""
        wanted = self._container.get("workingDir")
        return wanted if wanted and Path(wanted).is_dir() else str(Path.cwd())

    def environment(self, contract: Mapping[str, str]) -> dict[str, str]:
        """Return this process's environment, the contract's and the container's; the latter two share no names."""
        # "python" must mean the interpreter that runs this search, with its packages.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        # A run inside a pod must not have its trials annotate that pod.
        inherited = {name: value for name, value in os.environ.items() if name not in POD_VARIABLES}
        environment = {**inherited, "PATH": path, **self._numbered, **contract}
        for name, value in self._own_environment().items():
            environment[name] = expand(value, environment)
        return environment

    def arguments(self, environment: Mapping[str, str]) -> list[str]:
        """Return command and args with ``$(NAME)`` replaced, as the kubelet does."""
        return [expand(word, environment) for word in self._words]

    def _texts(self, name: str) -> list[str]:
        words = self._list(name)
        for position, word in enumerate(words):
            if not isinstance(word, str):
                raise self._wrong(f"{name}[{position}]", f"must be of type string, got {word!r}{unquoted(word)}")
        return words

    def _list(self, name: str) -> list[Any]:
        """Return a field of the container that otherwise only the API server checks; null means absent."""
        items = self._container.get(name)
        if items is not None and not isinstance(items, list):
            raise self._wrong(name, f"must be of type array, got {items!r}")
        return items or []

    def _own_environment(self) -> dict[str, str]:
        own: dict[str, str] = {}
        for position, entry in enumerate(self._list("env")):
            field = f"env[{position}]"
            if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
                raise self._wrong(f"{field}.name", "Required value")
            if entry.get("valueFrom") is None:
                value = entry.get("value")
                if value is not None and not isinstance(value, str):
                    said = f"must be of type string, got {value!r}{unquoted(value)}"
                    raise self._wrong(f"{field}.value", said)
                own[entry["name"]] = value or ""
            elif entry["name"] not in os.environ and not is_pods_own(entry):
                problem = "a local run has no cluster to read it from; give a value or set the variable outside"
                raise self._wrong(f"{field}.valueFrom", problem)
        return own

    def _wrong(self, field: str, problem: str) -> InvalidManifest:
        return InvalidManifest([FieldProblem(f"{self._field}.{field}", problem)])


def check_runs_here(spec: SearchSpec) -> None:
    """Refuse a search whose trials have several pods; InvalidManifest says so."""
    workload = spec.trial.workload
    if workload is not None and not workload.is_alone:
        said = (
            f"a trial is a {workload.kind.kind} with {counted(workload.pods, 'pod')}, which only a cluster runs: submit"
            " the search there, or give spec.trial.template for trials of one process"
        )
        raise InvalidManifest([FieldProblem("spec.trial.workload", said)])


def expand(text: str, environment: Mapping[str, str]) -> str:
    """Replace ``$(NAME)`` with the variable; ``$$`` is a dollar sign, and unknown names stay unchanged."""
    return _REFERENCE.sub(
        lambda match: "$" if match.group(1) is None else environment.get(match.group(1), match.group(0)), text
    )
