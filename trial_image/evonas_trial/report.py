"""A trial's side of the contract: what it is to train, and how it reports (docs/trial-contract.md).

Standard library only, and deliberately one file: a container that does not install ``evonas_trial`` may simply copy it.
The same facts are sent through two channels, so that no reward is lost if one fails: the termination message (a file,
no credential needed) and the annotations of the trial's own pod (live, read by the operator's watch). In a local run
the environment names files instead, and there is no pod.

If several processes train one candidate, only one of them (rank 0) reports.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

INFEASIBLE_EXIT_CODE = 65
"""The exit code of a candidate that cannot be built or that diverged; such a trial is not retried."""

PROGRESS_INTERVAL = 10.0
"""Seconds between two progress reports, except at rungs; those in between are held back, the last goes with the result.
"""

MAX_MESSAGE_BYTES = 4096
"""How much of a termination message the kubelet keeps."""

MAX_REASON_CHARACTERS = 300
"""Keeps a reason below MAX_MESSAGE_BYTES however its characters are escaped (at most 12 bytes each)."""

TERMINATION_MESSAGE = Path("/dev/termination-log")
TOKEN_DIR = "/var/run/secrets/kubernetes.io/serviceaccount"

# The trial holds a GPU while it reports, and the termination message carries the reward anyway: stop retrying soon.
_TIMEOUT = 3.0
_RETRY_DELAYS = (0.5, 1.0)
_MAX_PROGRESS_INTERVAL = 640.0
# Times as long as the failed report took: repeating it costs a training a tenth of its time at most.
_RUNG_RETRY_PAUSE = 9


class ContractError(RuntimeError):
    """The environment is not that of a trial, or neither channel accepted the result."""


def decisions() -> dict[str, Any]:
    """Return the candidate: its active decisions by name, each value a string, a number or a boolean.

    Raises ContractError if EVONAS_DECISIONS is missing or not such an object.
    """
    text = _required("EVONAS_DECISIONS")
    try:
        candidate = json.loads(text)
    except ValueError as error:
        raise ContractError(f"EVONAS_DECISIONS is not JSON ({error}): {text!r}") from error
    if not isinstance(candidate, dict):
        raise ContractError(f'EVONAS_DECISIONS must be a JSON object such as {{"width": 16}}, got {text!r}')
    for name, value in candidate.items():
        if not isinstance(value, str | int | float | bool):
            raise ContractError(f"EVONAS_DECISIONS: {name!r} must be a string, number or boolean, got {value!r}")
    return candidate


def seed() -> int:
    """Return the seed of this trial's random choices; a retry of the same trial gets the same one.

    Raises ContractError if EVONAS_SEED is missing or not a whole number.
    """
    text = _required("EVONAS_SEED")
    try:
        return int(text)
    except ValueError:
        raise ContractError(f"EVONAS_SEED must be a whole number, got {text!r}") from None


def rungs(environ: Mapping[str, str] = os.environ) -> tuple[int, ...]:
    """Return the steps at which the search compares trials, ascending, the last being a full training; empty if it does
    not compare them. Raises ContractError if EVONAS_RUNGS is no such list.
    """
    text = environ.get("EVONAS_RUNGS")
    try:
        steps = [int(step) for step in text.split(",")] if text else []
    except ValueError:
        steps = [0]
    if 0 in steps or steps != sorted({abs(step) for step in steps}):
        raise ContractError(f"EVONAS_RUNGS must be ascending whole numbers such as 1,3,9, got {text!r}")
    return tuple(steps)


def pauses(environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether the search pauses trials at rungs (its mode is ``Pause``), so that a training must leave a
    checkpoint."""
    return bool(environ.get("EVONAS_UNTIL"))


def until(steps: int, environ: Mapping[str, str] = os.environ) -> int:
    """Return the step at which this attempt ends: in a search that pauses trials the rung that it is to reach, else the
    last rung, or ``steps`` in a search without rungs. Raises ContractError if EVONAS_UNTIL is not one of the rungs.
    """
    reached = rungs(environ)
    if not pauses(environ):
        return reached[-1] if reached else steps
    text = environ["EVONAS_UNTIL"]
    try:
        step = int(text)
    except ValueError:
        step = 0
    if step not in reached:
        listed = environ.get("EVONAS_RUNGS") or "not set"
        raise ContractError(f"EVONAS_UNTIL must be one of the rungs in EVONAS_RUNGS ({listed}), got {text!r}")
    return step


def resumed(step: int) -> None:
    """Say from which step's checkpoint this attempt goes on, 0 if from none; all later reports carry it. Does nothing
    in a search that does not pause trials. Raises ValueError for a negative step, ContractError as ``until`` does.
    """
    _default().resumed(step)


def progress(step: int, of: int, **metrics: float) -> None:
    """Report that ``step`` of ``of`` steps are done; call it as often as you like, it reports once per
    PROGRESS_INTERVAL, and at once at a rung: the first step at or beyond it."""
    _default().progress(step, of, metrics)


def reward(value: float, metrics: Mapping[str, float] | None = None) -> None:
    """Report the result. Call it once, at the end, then exit with 0. Raises ValueError for a reward that is not a
    finite number, ContractError if neither channel accepted the report.
    """
    _default().reward(value, metrics or {})


def infeasible(reason: str, metrics: Mapping[str, float] | None = None) -> NoReturn:
    """Report that this candidate cannot be trained, and exit with INFEASIBLE_EXIT_CODE.

    The agent learns from it and the trial is not retried, so do not call it for a full disk or a missing data set.
    """
    _default().infeasible(reason, metrics or {})


def unusable(reason: str) -> NoReturn:
    """Report that this program gives no result, through a fault of its own that each attempt would repeat, and exit
    with 0: the search then fails the trial with ``InvalidReward`` and the reason, and does not retry it.

    The agent learns nothing from it. What may be different in another attempt calls for another exit code instead.
    """
    _default().unusable(reason)


class Reporter:
    """One trial's reports; the module's functions share one created from the process's environment."""

    def __init__(self, environ: Mapping[str, str], clock: Callable[[], float] = time.monotonic) -> None:
        self._environ = environ
        self._clock = clock
        self._pod = _PodAnnotations(environ) if environ.get("POD_NAME") else None
        self._pending: dict[str, Any] | None = None
        self._interval = PROGRESS_INTERVAL
        self._due = -math.inf
        self._at_rungs: dict[str, dict[str, float | str]] = {}
        """The metrics at each rung passed; every progress report repeats them, in case an earlier one was lost."""
        self._rung_unsent = False
        self._resumed: dict[str, int] = {}
        self._progressed = False
        self._warned: set[str] = set()

    def resumed(self, step: int) -> None:
        """See the module's function."""
        if step < 0:
            raise ValueError(f"a training resumes from step 0 or a later one, got {step}")
        if not pauses(self._environ):
            return
        until(step, self._environ)
        self._resumed = {"resumed": int(step)}
        if step:
            _say(f"resumed from step {step}")

    def progress(self, step: int, of: int, metrics: Mapping[str, float]) -> None:
        """See the module's function."""
        at_rung = self._passes_rung(int(step), metrics)
        self._rung_unsent |= at_rung
        finite = self._finite(metrics, at_rungs=bool(rungs(self._environ)))
        self._pending = {"step": int(step), "of": int(of), **finite, **self._resumed}
        self._progressed = True
        began = self._clock()
        if began < self._due and not at_rung:
            return
        # One attempt only, less and less often while they fail: training must not wait for an API server.
        text, written = self._flush_progress(self._pending)
        if self._annotate({"progress": text}, retry_delays=()) if self._pod else written:
            self._pending, self._rung_unsent, self._interval = None, False, PROGRESS_INTERVAL
        else:
            self._interval = min(2 * self._interval, _MAX_PROGRESS_INTERVAL)
        ended = self._clock()
        self._due = ended + (_RUNG_RETRY_PAUSE * (ended - began) if self._rung_unsent else self._interval)

    def reward(self, value: float, metrics: Mapping[str, float]) -> None:
        """See the module's function."""
        number = _number(value)
        if number is None or not math.isfinite(number):
            raise ValueError(
                f"the reward must be one finite number, got {value!r}; "
                "report a training that diverged by infeasible(reason) instead"
            )
        finite = self._finite(metrics)
        if self._resumed and not self._progressed:
            # Where it went on from is part of a progress: that of a program that reports none is what it ends with.
            shape = {"step": until(0, self._environ), "of": rungs(self._environ)[-1]}
            self._pending = {**shape, "reward": number, **finite, **self._resumed}
        if not self._finish({"reward": number}, finite):
            self._no_channel(f"reward {number!r}")

    def infeasible(self, reason: str, metrics: Mapping[str, float]) -> NoReturn:
        """See the module's function."""
        short = reason[:MAX_REASON_CHARACTERS]
        _say(f"infeasible: {short}")
        # Whether or not a channel accepted it: the exit code alone says what matters.
        self._finish({"infeasible": short}, self._finite(metrics))
        sys.exit(INFEASIBLE_EXIT_CODE)

    def unusable(self, reason: str) -> NoReturn:
        """See the module's function."""
        _say(reason)
        # A number would be a reward, even as text.
        said = reason if _number(reason) is None else f"none: {reason}"
        # The message alone: where it cannot be written, a trial without any report is not retried either.
        self._write_message(_encode({"reward": said[:MAX_REASON_CHARACTERS]}))
        sys.exit(0)

    def _finish(self, outcome: dict[str, Any], metrics: dict[str, float]) -> bool:
        """Send the outcome through both channels, the file first: it needs no network. Returns whether one accepted
        it."""
        outcome = outcome | self._resumed
        message = {**outcome, "metrics": metrics} if metrics else outcome
        if len(_encode(message)) > MAX_MESSAGE_BYTES:
            _say(f"the report exceeds {MAX_MESSAGE_BYTES} bytes: its {len(metrics)} metrics are left out")
            message = outcome
        written = self._write_message(_encode(message))
        # A reason is text already, all else JSON.
        facts = {name: fact if isinstance(fact, str) else _dump(fact) for name, fact in message.items()}
        # No annotation of its own: where a pod may change only those of the contract, it would cost all the others.
        facts.pop("resumed", None)
        if self._pending is not None:
            (facts["progress"], _), self._pending = self._flush_progress(self._pending), None
        return self._annotate(facts, _RETRY_DELAYS) or written

    def _passes_rung(self, step: int, metrics: Mapping[str, float]) -> bool:
        """Keep the metrics of the first ``step`` at or beyond a rung and before the next; return whether it is one."""
        rung = str(max((rung for rung in rungs(self._environ) if rung <= step), default=""))
        if not rung or rung in self._at_rungs:
            return False
        numbers = {name: number for name, value in metrics.items() if (number := _number(value)) is not None}
        self._at_rungs[rung] = {name: value if math.isfinite(value) else "nan" for name, value in numbers.items()}
        return True

    def _flush_progress(self, report: dict[str, Any]) -> tuple[str, bool]:
        """Return the progress as JSON, and whether the local run's file, if there is one, has it."""
        text = _dump(report | ({"rungs": self._at_rungs} if self._at_rungs else {}))
        if len(text) > MAX_MESSAGE_BYTES:
            self._warn_once("long", f"progress exceeds {MAX_MESSAGE_BYTES} bytes: metrics are left out, the last first")
            text = _shortened(report, self._at_rungs)
        if path := self._environ.get("EVONAS_PROGRESS_FILE"):
            try:
                _replace(Path(path), text.encode())
            except OSError as error:
                self._warn_once("progress", f"no progress in EVONAS_PROGRESS_FILE: {error}")
                return text, False
        return text, True

    def _write_message(self, content: bytes) -> bool:
        path = self._environ.get("EVONAS_REPORT_FILE")
        try:
            if path:
                _replace(Path(path), content)
            else:
                _overwrite(TERMINATION_MESSAGE, content)
        except OSError as error:
            if path or self._pod:
                self._warn_once("message", f"no termination message: {error}")
            return False
        return True

    def _annotate(self, facts: Mapping[str, str], retry_delays: Sequence[float]) -> bool:
        if self._pod is None:
            return False
        annotations = {f"evonas.dev/{name}": fact for name, fact in facts.items()}
        try:
            self._pod.patch(annotations, retry_delays)
        except _PatchFailed as failure:
            self._warn_once("pod", f"the pod is not annotated, the termination message must do: {failure}")
            return False
        return True

    def _no_channel(self, outcome: str) -> None:
        if self._pod or self._environ.get("EVONAS_REPORT_FILE"):
            raise ContractError(
                f"{outcome} could be reported by neither channel; the lines above say why. "
                "Leave terminationMessagePath at its default, and let the trial's service account patch its own pod"
            )
        _say(f"{outcome} (reported nowhere: this is neither a pod of a search nor a local run)")

    def _finite(self, metrics: Mapping[str, float], *, at_rungs: bool = False) -> dict[str, float]:
        """Return the metrics that JSON can carry; a trial that has its reward must not fail because of the others."""
        numbers = {name: _number(value) for name, value in metrics.items()}
        finite = {name: number for name, number in numbers.items() if number is not None and math.isfinite(number)}
        for name in (name for name in metrics if name not in finite):
            counts = at_rungs and numbers[name] is not None
            fate = "left out, and counted as diverged where rungs compare it" if counts else "left out"
            self._warn_once(f"metric {name}", f"metric {name!r} is not finite ({metrics[name]!r}): {fate}")
        return finite

    def _warn_once(self, about: str, warning: str) -> None:
        if about not in self._warned:
            self._warned.add(about)
            _say(warning)


class _PatchFailed(Exception):
    """The API server did not accept a patch; ``transient`` if another attempt may succeed."""

    def __init__(self, message: str, *, transient: bool) -> None:
        super().__init__(message)
        self.transient = transient


class _PodAnnotations:
    """Merge patches to the trial's own pod, with the projected service account token."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._token_dir = Path(environ.get("EVONAS_TOKEN_DIR") or TOKEN_DIR)

    def patch(self, annotations: Mapping[str, str], retry_delays: Sequence[float]) -> None:
        """Set annotations; raises _PatchFailed, after a retry per delay (seconds) where that may help."""
        body = _encode({"metadata": {"annotations": annotations}})
        for delay in (*retry_delays, None):
            try:
                self._patch_once(body)
            except _PatchFailed as failure:
                if delay is None or not failure.transient:
                    raise
                time.sleep(delay)
            else:
                return

    def _patch_once(self, body: bytes) -> None:
        # Imported here: a local trial needs neither, and they take half of this module's start-up time.
        import http.client  # noqa: PLC0415
        import ssl  # noqa: PLC0415

        host, port, path = self._address()
        try:
            # Read for each call: the kubelet renews a projected token in place.
            token = (self._token_dir / "token").read_text(encoding="ascii").strip()
            tls = ssl.create_default_context(cafile=str(self._token_dir / "ca.crt"))
        except (OSError, ValueError) as error:
            raise _PatchFailed(f"no usable token and CA in {self._token_dir}: {error}", transient=False) from error
        # Not urllib: it would send the token through a proxy named in the environment.
        connection = http.client.HTTPSConnection(host, port, timeout=_TIMEOUT, context=tls)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/merge-patch+json"}
        try:
            connection.request("PATCH", path, body, headers)
            response = connection.getresponse()
            answer = response.read(MAX_MESSAGE_BYTES).decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            raise _PatchFailed(f"{host}:{port}: {error!r}", transient=True) from error
        finally:
            connection.close()
        if response.status != http.client.OK:
            transient = response.status >= 500 or response.status in (401, 409, 429)
            raise _PatchFailed(f"PATCH {path}: {response.status} {_message(answer)}", transient=transient)

    def _address(self) -> tuple[str, int, str]:
        """Return host, port and path of the pod at the API server."""
        names = ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "POD_NAMESPACE", "POD_NAME")
        host, port, namespace, pod = (self._environ.get(name, "") for name in names)
        missing = [name for name in names if not self._environ.get(name)]
        if missing or not port.isdecimal():
            raise _PatchFailed(f"{missing[0] if missing else names[1]} is not set as in a pod", transient=False)
        return host, int(port), f"/api/v1/namespaces/{namespace}/pods/{pod}?fieldManager=evonas-trial"


@cache
def _default() -> Reporter:
    return Reporter(os.environ)


def _required(variable: str) -> str:
    value = os.environ.get(variable, "")
    if not value:
        raise ContractError(f"{variable} is not set: run this as a trial of a search, or set it by hand to try it out")
    return value


def _shortened(report: dict[str, Any], at_rungs: Mapping[str, Any]) -> str:
    """Return a progress report that fits: without the present metrics, and those named last, at all rungs alike."""
    bare = {name: report[name] for name in ("step", "of", "resumed") if name in report}
    names = [*dict.fromkeys(name for metrics in at_rungs.values() for name in metrics)]
    while names:
        kept = {rung: {name: of[name] for name in names if name in of} for rung, of in at_rungs.items()}
        if len(text := _dump(bare | {"rungs": kept})) <= MAX_MESSAGE_BYTES:
            return text
        names.pop()
    return _dump(bare)


def _number(value: Any) -> float | None:
    """Return any number (also of numpy or torch) as a float; None for anything else."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _dump(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


def _encode(value: Any) -> bytes:
    return _dump(value).encode()


def _message(answer: str) -> str:
    """Return the message of an API server's answer, which is a Status object, or else whatever came back."""
    try:
        return str(json.loads(answer)["message"])
    except (ValueError, KeyError, TypeError):
        return answer[:200]


def _replace(path: Path, content: bytes) -> None:
    """Write a file atomically, or in place if it cannot be replaced (a mounted file, a read-only folder)."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        path.write_bytes(content)


def _overwrite(path: Path, content: bytes) -> None:
    """Write into an existing file, never creating it: outside a pod /dev/termination-log is not ours to make."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_TRUNC), "wb") as file:
        file.write(content)


def _say(line: str) -> None:
    print(f"evonas: {line}", file=sys.stderr, flush=True)


def _metric(text: str) -> tuple[str, float]:
    name, separator, value = text.partition("=")
    if not (name and separator):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE, such as accuracy=0.93")
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{name}: {value!r} is not a number") from None


def main(arguments: Sequence[str] | None = None) -> None:
    """Report from a shell script."""
    parser = argparse.ArgumentParser(prog="python -m evonas_trial.report", description=main.__doc__)
    outcome = parser.add_mutually_exclusive_group(required=True)
    outcome.add_argument("--reward", type=float, metavar="NUMBER", help="the result, a finite number")
    reason = f"why this candidate cannot be trained; exits with {INFEASIBLE_EXIT_CODE}"
    outcome.add_argument("--infeasible", metavar="REASON", help=reason)
    outcome.add_argument("--progress", type=int, metavar="STEP", help="how many of a training's steps are done")
    parser.add_argument("--of", type=int, metavar="STEPS", help="of --progress: how many there are")
    parser.add_argument("--resumed", type=int, metavar="STEP", help="from which step's checkpoint it went on; 0: none")
    parser.add_argument("--metric", type=_metric, action="append", default=[], metavar="NAME=VALUE", help="repeatable")
    options = parser.parse_args(arguments)
    metrics = dict(options.metric)
    if (options.progress is None) != (options.of is None):
        parser.error("--progress STEP and --of STEPS belong together")
    if options.resumed is not None and options.resumed < 0:
        parser.error(f"--resumed: must not be negative, got {options.resumed}")
    try:
        if options.resumed is not None:
            resumed(options.resumed)
        if options.infeasible is not None:
            infeasible(options.infeasible, metrics)
        if options.progress is not None:
            _default().progress(options.progress, options.of, metrics)
        else:
            reward(options.reward, metrics)
    except ValueError as error:
        parser.error(f"--reward: {error}")
    except ContractError as error:
        sys.exit(f"evonas: {error}")


if __name__ == "__main__":
    main()
