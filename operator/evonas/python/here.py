"""Runs a search from Python here: the function goes to a file, its source to the record, then the ordinary loop."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from pathlib import Path
from typing import Any

import cloudpickle
from rich.console import Console

from evonas.errors import EvonasError
from evonas.launch import Launch
from evonas.local.passes import Observer
from evonas.python.manifest import FUNCTION_VARIABLE, SOURCE_ANNOTATION
from evonas.python.notebook import NotebookView, is_notebook
from evonas.python.script import source_of
from evonas.report.display import Display
from evonas.search.outcome import find_example
from evonas.search.plan import Plan
from evonas.search.trial import Trial

FUNCTION_FILE = "function.pickle"

Function = Callable[..., Any]
"""Trains a candidate: called with the candidate and, if it takes a second argument, the ``RunningTrial``."""


class SearchFailed(EvonasError):
    """A search has ended without success: no trial has a result, or too many failed. The message says why, with an
    example."""


def run_here(manifest: Mapping[str, Any], function: Function | None, runs: Path, *, show: bool) -> Path:
    """Run or resume a search until it is over; returns its folder.

    Trials train ``function`` or, if it is None, run the container's command. EvonasError if the search cannot be run,
    SearchFailed if it fails. An interrupt stops the running trials and propagates; what is recorded stays.
    """
    pickled = None if function is None else _pickled(function)
    say = Console().print if show and not is_notebook() else _say_nothing
    with Launch(manifest, runs, lambda said: say(said, highlight=False)) as launch:
        variables: Mapping[str, str] = {}
        if pickled is not None:
            file = launch.folder / FUNCTION_FILE
            _write(file, pickled)
            variables = {FUNCTION_VARIABLE: str(file), "PYTHONPATH": _search_path()}
        results = launch.gather()
        with _observer(launch, show=show) as observer:
            decided = launch.run(observer, results, variables=variables)
    if decided.limit is not None and decided.limit.failed:
        raise SearchFailed(_why(launch.spec.name, decided))
    return launch.folder


def with_source(manifest: Mapping[str, Any], function: Function) -> dict[str, Any]:
    """Return the manifest with the function's source, which becomes part of the record, and of what makes results the
    same (``spec.reuseResults``).
    """
    noted = deepcopy(dict(manifest))
    template = noted["spec"]["trial"]["template"]
    template.setdefault("metadata", {}).setdefault("annotations", {})[SOURCE_ANNOTATION] = source_of(function)
    return noted


class Quiet:
    """An observer that shows nothing."""

    def on_plan(self, decided: Plan) -> None:
        """Show nothing."""

    def on_record(self, trial: Trial) -> None:
        """Show nothing."""


def _observer(launch: Launch, *, show: bool) -> AbstractContextManager[Observer]:
    if not show:
        return nullcontext(Quiet())
    if is_notebook():
        return nullcontext(NotebookView(launch))
    return Display(launch.spec, Console(), launch.journal.trials.values())


def _pickled(function: Function) -> bytes:
    name = getattr(function, "__name__", type(function).__name__)
    if not callable(function):
        raise EvonasError(f"run: needs a function of a candidate, got {function!r}")
    try:
        pickled: bytes = cloudpickle.dumps(function, protocol=pickle.DEFAULT_PROTOCOL)
    except Exception as error:
        raise EvonasError(
            f"{name} cannot be sent to the processes of trials ({type(error).__name__}: {error}); create inside the"
            " function what it uses: open files, connections, locks, generators"
        ) from error
    return pickled


def _write(file: Path, content: bytes) -> None:
    """Write so that a trial which is just starting reads the old function or the new one."""
    partial = file.with_suffix(".partial")
    partial.write_bytes(content)
    partial.replace(file)


def _search_path() -> str:
    """Return where this process finds modules: functions of modules are pickled by name."""
    return os.pathsep.join(str(Path(entry).absolute()) for entry in dict.fromkeys(sys.path) if Path(entry).exists())


def _why(name: str, decided: Plan) -> str:
    assert decided.limit is not None
    example = find_example(decided.totals)
    said = "" if example is None else f"; trial {example.index}: {example.outcome}"
    return f"{name} failed: {decided.limit.reason}: {decided.limit.message}{said}"


def _say_nothing(said: object, *, highlight: bool) -> None:
    """In a notebook the cell shows it."""
