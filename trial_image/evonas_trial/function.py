"""A Python function as a trial: calls it with the candidate and reports what it returns (docs/trial-contract.md).

A search that was defined in Python runs this module in each of its trials: here with the pickled function, ``python -m
evonas_trial.function FILE``; in a cluster from the script that holds the function's source, which calls ``run``.
Imports the standard library, ``report`` and ``termination`` only, so that these three files can be mounted into any
image.

What another attempt would only repeat, such as a function that returns text, is not retried: the report is then the
reason in place of the reward, which fails the trial at once (``report.unusable``). An exception is retried, since it
may be a lost disk.
"""

from __future__ import annotations

import argparse
import inspect
import math
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, SupportsFloat

from evonas_trial import report
from evonas_trial.termination import leave_on_sigterm

REWARD = "reward"
"""The name of what counts in a search whose objective names no metric."""

_REPEATED = (NameError, ModuleNotFoundError, SyntaxError)
"""Exceptions that another attempt would raise again, on any node."""


class Misuse(Exception):
    """The function does what no attempt can make a result of; the message says what, and what would be right."""


@dataclass(frozen=True)
class RunningTrial:
    """The trial that a function is called for: its second argument."""

    name: str = "trial"
    """Unique in the search, and the same in all attempts: what a checkpoint's file can be named after."""
    index: int = 0
    """The trial's number in the search."""
    seed: int = 0
    """Seeds the training's random choices: differs between trials, but not between attempts of the same trial."""
    attempt: int = 1
    """The number of this attempt; the first is 1."""
    rungs: tuple[int, ...] = ()
    """The steps at which the search compares trials, the last being a full training; empty if it does not."""
    until: int | None = None
    """The step at which this attempt ends: the last rung or, in a search that pauses trials, the next one. None in a
    search without rungs, where the function knows how long it trains."""
    _latest: dict[str, float] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of_environment(cls) -> RunningTrial:
        """Return the trial that this process was started for; ContractError if it was started for none."""
        rungs = report.rungs()
        return cls(
            name=os.environ.get("EVONAS_TRIAL") or cls.name,
            index=_number_in("EVONAS_INDEX", cls.index),
            seed=report.seed(),
            attempt=_number_in("EVONAS_ATTEMPT", cls.attempt),
            rungs=rungs,
            until=report.until(rungs[-1]) if rungs else None,
        )

    def report(self, step: int, *, of: int | None = None, **metrics: SupportsFloat) -> None:
        """Report the metrics after ``step`` of ``of`` steps (by default the last rung, if there is one).

        Call it as often as you like: it reports every ten seconds, and at once at a rung. If the function returns None,
        the latest value of each metric is the result.
        """
        if isinstance(step, bool) or not hasattr(step, "__index__"):
            raise Misuse(f"trial.report needs a whole number as its step, got {_shown(step)}")
        numbers = numbers_of(metrics, "trial.report was given")
        self._latest.update(numbers)
        done = int(step)
        report.progress(done, max(done, *self.rungs, 0) if of is None else of, **numbers)

    def infeasible(self, reason: str) -> NoReturn:
        """End the trial: its candidate cannot be trained. The agent learns from it, and the trial is not retried, so do
        not call it for a full disk or a missing data set."""
        report.infeasible(reason)

    def resumed(self, step: int) -> None:
        """Say from which step's checkpoint this attempt goes on, 0 if from none; only searches that pause trials need
        to know."""
        report.resumed(step)

    @property
    def latest(self) -> Mapping[str, float]:
        """The latest value of each metric reported."""
        return self._latest


@dataclass(frozen=True)
class Result:
    """What a function has achieved: its reward, which may not be finite, and all metrics with it."""

    reward: float
    metrics: Mapping[str, float]
    diverged: str | None = None
    """Which of the numbers that the search needs is not finite, such as ``loss is nan``; None if all are."""


def run(function: Callable[..., Any], *, metric: str | Sequence[str] | None = None) -> NoReturn:
    """Call ``function(candidate, trial)``, or ``function(candidate)`` if it takes no more, report its result and exit.

    A number is the reward; of a mapping from names to numbers, the entry ``metric`` is (``reward`` if None); after None
    it is what the function last reported by ``trial.report``. A reward that is not finite means that the training
    diverged: the candidate is infeasible. In a search with several objectives, ``metric`` lists their metrics; the
    result must have all of them, and the reward is the first.
    """
    leave_on_sigterm()
    name = name_of(function)
    try:
        trial = RunningTrial.of_environment()
        arguments = (report.decisions(), trial)[: count_arguments(function)]
        result = result_of(_call(function, arguments), trial.latest, metric, name)
        if result.diverged is not None:
            report.infeasible(f"the training diverged: {result.diverged}", result.metrics)
        report.reward(result.reward, result.metrics)
    except Misuse as misuse:
        report.unusable(str(misuse))
    except report.ContractError as error:
        sys.exit(f"evonas: {error}")
    sys.exit(0)


def result_of(
    returned: Any,
    latest: Mapping[str, float],
    metric: str | Sequence[str] | None,
    name: str,
    *,
    verb: str = "returned",
) -> Result:
    """Return the result of a function that ``returned`` this after it had reported ``latest``; Misuse if it has none.

    ``metric`` is what the search needs: one, several, or None for the reward itself. ``name`` is the function's and
    ``verb`` what it did, for messages.
    """
    wanted = [metric or REWARD] if metric is None or isinstance(metric, str) else [*metric]
    if returned is None:
        if not latest:
            raise Misuse(f"{name} returned None and reported nothing: return {_what_to_return(wanted)}")
        said, metrics = "reported", dict(latest)
    elif isinstance(returned, Mapping):
        said, metrics = verb, numbers_of(returned, f"{name} {verb}")
    else:
        number = _number(returned)
        if number is None or len(wanted) > 1:
            kinds = "a number or a dict of metrics" if len(wanted) == 1 else _what_to_return(wanted)
            raise Misuse(f"{name} {verb} {_shown(returned)}: it must be {kinds}")
        return Result(number, {} if metric is None else {wanted[0]: number}, _diverged({wanted[0]: number}))
    for needed in wanted:
        if needed not in metrics:
            others = ", ".join(map(repr, metrics)) or "nothing"
            raise Misuse(f"{name} {said} no {needed!r}, which the search needs, only {others}")
    diverged = _diverged({needed: metrics[needed] for needed in wanted})
    # A reward that is no metric of the objective is reported once.
    return Result(metrics[wanted[0]] if metric else metrics.pop(REWARD), metrics, diverged)


def count_arguments(function: Callable[..., Any]) -> int:
    """Return 2 for a function of a candidate and a trial, 1 for one that takes the candidate only; Misuse if it can be
    called with neither. A second parameter that has a default is left at it, unless it is named ``trial``.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        # Of some that are written in C, nobody knows.
        return 2
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    second = [each for each in signature.parameters.values() if each.kind in positional][1:2]
    is_other = any(each.default is not each.empty and each.name != "trial" for each in second)
    if _takes(signature, 2) and not (is_other and _takes(signature, 1)):
        return 2
    if _takes(signature, 1):
        return 1
    raise Misuse(f"{name_of(function)}{signature} cannot be called with (candidate, trial)")


def numbers_of(metrics: Mapping[Any, Any], said: str) -> dict[str, float]:
    """Return the metrics as floats; Misuse for one that is no number or has no name."""
    numbers: dict[str, float] = {}
    for name, value in metrics.items():
        if not isinstance(name, str):
            raise Misuse(f"{said} a metric named {_shown(name)}: names must be text")
        number = _number(value)
        if number is None:
            raise Misuse(f"{said} {_shown(value)} for {name!r}, which is no number")
        numbers[name] = number
    return numbers


def name_of(function: Callable[..., Any]) -> str:
    """Return what messages call a function."""
    return str(getattr(function, "__name__", type(function).__name__))


def _what_to_return(wanted: Sequence[str]) -> str:
    if len(wanted) == 1:
        return "the reward, or a dict of metrics"
    return f"a dict with {', '.join(map(repr, wanted[:-1]))} and {wanted[-1]!r}"


def _diverged(needed: Mapping[str, float]) -> str | None:
    return next((f"{name} is {number}" for name, number in needed.items() if not math.isfinite(number)), None)


def _takes(signature: inspect.Signature, count: int) -> bool:
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


def _call(function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    """Return what the function returns; where it raises, tell of it and exit, or raise Misuse if a retry is no use."""
    name = name_of(function)
    try:
        return function(*arguments)
    except (Misuse, report.ContractError):
        _print_traceback()
        raise
    except SystemExit as end:
        _exit_as(end, name)
    except Exception as error:
        _print_traceback()
        # On one line, since of a log's end only the last line is shown with a failed trial.
        said = " ".join(f"{name} raised {type(error).__name__}: {error}".split())
        if isinstance(error, _REPEATED):
            raise Misuse(said) from error
        sys.exit(f"evonas: {said}")


def _exit_as(end: SystemExit, name: str) -> NoReturn:
    """End as a function that called ``sys.exit``: its code is the contract's, but 0 is no result."""
    if end.code == report.INFEASIBLE_EXIT_CODE:
        raise end
    if not end.code:
        raise Misuse(f"{name} called sys.exit({'' if end.code is None else end.code}) instead of returning its result")
    if not isinstance(end.code, int):
        print(end.code, file=sys.stderr)
    cure = "raise an error instead, or call trial.infeasible(reason) if the candidate is at fault"
    _say(f"{name} called sys.exit({end.code!r}): {cure}")
    sys.exit(end.code if isinstance(end.code, int) else 1)


def _print_traceback() -> None:
    """Print the exception that is being handled, from the function on."""
    kind, error, trace = sys.exc_info()
    # Without the frame of _call.
    traceback.print_exception(kind, error, trace and trace.tb_next)


def _number(value: Any) -> float | None:
    """Return one number, also of NumPy or torch, as a float; None for anything else, truth values and text included."""
    if isinstance(value, bool | str | bytes | bytearray) or str(getattr(value, "dtype", "")).endswith("bool"):
        return None
    try:
        # torch warns of a number that belongs to a graph.
        return float(value.detach() if hasattr(value, "detach") else value)
    except OverflowError:
        return math.inf
    except (TypeError, ValueError, RuntimeError):
        # Of more than one element: TypeError in NumPy, RuntimeError in torch.
        return None


def _shown(value: Any) -> str:
    """Return a value as a message shows it: with its type, and on one line."""
    text = " ".join(repr(value).split())
    shown = text if len(text) <= 40 else f"{text[:40]}…"
    return (
        shown if value is None or isinstance(value, str | bool | int | float) else f"a {type(value).__name__} ({shown})"
    )


def _number_in(variable: str, default: int) -> int:
    """Return a variable of the contract; the default if it is not set, as in a trial that is tried by hand."""
    text = os.environ.get(variable) or str(default)
    try:
        return int(text)
    except ValueError:
        raise report.ContractError(f"{variable} must be a whole number, got {text!r}") from None


def _say(line: str) -> None:
    print(f"evonas: {line}", file=sys.stderr, flush=True)


def _load(path: Path) -> Callable[..., Any]:
    """Return a pickled function; Misuse if it cannot be loaded here."""
    python = ".".join(map(str, sys.version_info[:3]))
    try:
        import cloudpickle  # noqa: PLC0415 - only pickles need it
    except ModuleNotFoundError:
        raise Misuse(f"{path.name} needs cloudpickle, which this Python {python} lacks: install it") from None
    try:
        function: Callable[..., Any] = cloudpickle.loads(path.read_bytes())
    except ModuleNotFoundError as error:
        raise Misuse(f"the function needs the module {error.name!r}, which this Python {python} lacks") from error
    except Exception as error:
        _print_traceback()
        cure = f"was it pickled by another Python than this {python}?"
        raise Misuse(f"the function cannot be loaded: {type(error).__name__}; {cure}") from error
    return function


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a pickled function as a trial."""
    parser = argparse.ArgumentParser(prog="python -m evonas_trial.function", description=main.__doc__)
    parser.add_argument("file", type=Path, metavar="FILE", help="the function, as cloudpickle writes it")
    several = "; in a search with several objectives, once for each"
    parser.add_argument(
        "--metric", action="append", metavar="NAME", help=f"which of the metrics counts ({REWARD}){several}"
    )
    options = parser.parse_args(arguments)
    try:
        function = _load(options.file)
    except Misuse as misuse:
        report.unusable(str(misuse))
    run(function, metric=options.metric)


if __name__ == "__main__":
    main()
