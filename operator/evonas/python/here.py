"""Runs a search from Python here: the function goes to a file, its source to the record, then the ordinary loop."""

from __future__ import annotations

import inspect
import os
import pickle
import sys
import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from pathlib import Path
from typing import Any, SupportsFloat

import cloudpickle

from evonas.errors import EvonasError
from evonas.launch import Launch
from evonas.local.passes import Observer
from evonas.local.processes.attempts import attempt_folder
from evonas.local.processes.logfile import LOG_FILE
from evonas.local.processes.whole_files import write_whole
from evonas.python.manifest import FUNCTION_VARIABLE, SOURCE_ANNOTATION, in_words
from evonas.python.notebook import NotebookView, is_notebook
from evonas.python.script import source_of
from evonas.report.console import open_console
from evonas.report.display import Display
from evonas.search.budget import TOO_MANY_FAILED
from evonas.search.outcome import find_example
from evonas.search.plan import Plan
from evonas.search.trial import Trial
from evonas.wording import counted
from evonas_trial.function import Misuse, RunningTrial, count_arguments, name_of

FUNCTION_FILE = "function.pickle"

Outcome = SupportsFloat | Mapping[str, SupportsFloat] | None
"""What a training returns: the reward, metrics by name, or None after it has reported them."""

Function = Callable[[dict[str, Any]], Outcome] | Callable[[dict[str, Any], RunningTrial], Outcome]
"""Trains a candidate: called with the candidate and, if it takes a second argument, the ``RunningTrial``."""


class SearchFailed(EvonasError):
    """A search has ended without success: no trial has a result, or too many failed. The message says why, with an
    example."""


def run_here(manifest: Mapping[str, Any], function: Function | None, runs: Path, *, show: bool) -> Path:
    """Run or resume a search until it is over; returns its folder.

    Trials train ``function`` or, if it is None, run the container's command. EvonasError if the search cannot be run,
    SearchFailed if it fails. An interrupt stops the running trials and propagates; what is recorded stays.
    """
    if function is not None:
        check_function("run", function)
    pickled = None if function is None else _pickled(function)
    say = open_console().print if show and not is_notebook() else _say_nothing
    with Launch(manifest, runs, lambda said: say(said, soft_wrap=True)) as launch:
        variables: Mapping[str, str] = {}
        if function is not None and pickled is not None:
            _warn_of_change(launch, manifest, function)
            file = launch.folder / FUNCTION_FILE
            _write(file, pickled)
            variables = {FUNCTION_VARIABLE: str(file), "PYTHONPATH": _search_path()}
        results = launch.gather()
        try:
            with _observer(launch, show=show) as observer:
                decided = launch.run(observer, results, variables=variables)
        except KeyboardInterrupt:
            say(f"stopped; the same call goes on from {launch.folder}", soft_wrap=True)
            raise
    if decided.limit is not None and decided.limit.failed:
        raise SearchFailed(_why(launch, decided))
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
    return Display(launch.spec, open_console(), launch.journal.trials.values())


def check_function(call: str, function: Function) -> None:
    """Raise an EvonasError, which names the ``call``, for what no trial could call and get a result from."""
    if not callable(function):
        raise EvonasError(f"{call}: needs a function of a candidate, got {function!r}")
    try:
        count_arguments(function)
    except Misuse as misuse:
        raise EvonasError(f"{call}: {misuse}") from None
    if inspect.iscoroutinefunction(function):
        raise EvonasError(f"{call}: {name_of(function)} is async; pass a function that runs it by asyncio.run")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise EvonasError(f"{call}: {name_of(function)} yields; report progress by trial.report, and return the result")


def _warn_of_change(launch: Launch, manifest: Mapping[str, Any], function: Function) -> None:
    """Tell who has edited a function and runs its search again that nothing is trained again."""
    before = launch.journal.before
    if before is None or not launch.journal.trials or _source_in(before) in (None, _source_in(manifest)):
        return
    warnings.warn(
        f"{name_of(function)} has changed since the {counted(len(launch.journal.trials), 'trial')} in {launch.folder}"
        " began, and these are not run again; to start afresh, rename the search or delete that folder",
        stacklevel=4,
    )


def _source_in(manifest: Mapping[str, Any]) -> str | None:
    metadata = manifest["spec"]["trial"].get("template", {}).get("metadata") or {}
    source: str | None = (metadata.get("annotations") or {}).get(SOURCE_ANNOTATION)
    return source


def _pickled(function: Function) -> bytes:
    try:
        pickled: bytes = cloudpickle.dumps(function, protocol=pickle.DEFAULT_PROTOCOL)
    except Exception as error:
        said = f"{name_of(function)} cannot be sent to the processes of trials ({type(error).__name__}: {error})"
        cure = "create inside the function what it uses: open files, connections, locks, generators"
        raise EvonasError(f"{said}; {cure}") from error
    return pickled


def _write(file: Path, content: bytes) -> None:
    """Write the function: a trial which is just starting reads the old one or the new one."""
    try:
        write_whole(file, content)
    except OSError as error:
        raise EvonasError(f"cannot write {file}, {len(content):,} bytes: {error.strerror}") from error


def _search_path() -> str:
    """Return where this process finds modules: functions of modules are pickled by name."""
    return os.pathsep.join(str(Path(entry).absolute()) for entry in dict.fromkeys(sys.path) if Path(entry).exists())


def _why(launch: Launch, decided: Plan) -> str:
    """Say why a search failed, which ends with an example, and where to read more of that."""
    assert decided.limit is not None
    said = f"{launch.spec.name} failed: {decided.limit.reason}: {in_words(decided.limit.message)}"
    totals = decided.totals
    example = totals.last_failed if decided.limit.reason == TOO_MANY_FAILED else find_example(totals)
    if example is None:
        return said
    log = attempt_folder(launch.folder, example.index, example.latest_attempt) / LOG_FILE
    return f"{said}; {log} has more" if log.exists() else said


def _say_nothing(said: object, *, soft_wrap: bool) -> None:
    """In a notebook the cell shows it."""
