"""What an exit code means for the candidate (docs/trial-contract.md): one place for pods and local processes."""

from __future__ import annotations

import signal

from evonas.search.attempt import Ending, Verdict
from evonas.search.names import INFEASIBLE_EXIT_CODE
from evonas.search.trial_report import Report
from evonas.spec import TrialSpec

TIMEOUT_REASON = "DeadlineExceeded"


def judge_exit(exit_code: int, report: Report, *, reason: str = "", hint: str = "") -> Ending:
    """Return how an attempt ended whose container exited with ``exit_code``. ``reason`` is the runtime's word
    (OOMKilled, ContainerCannotRun), ``hint`` what may help the user.
    """
    if exit_code == 0:
        return Ending(Verdict.REPORTED, report=report)
    if exit_code == INFEASIBLE_EXIT_CODE:
        said = report.infeasible or f"exit code {INFEASIBLE_EXIT_CODE}"
        return Ending(Verdict.INFEASIBLE, "Infeasible", said, report)
    said = f"the container exited with code {exit_code}{_signal_name(exit_code)}"
    runtime = reason if reason not in ("", "Error", "Completed") else "NonZeroExitCode"
    return Ending(Verdict.BROKEN, runtime, f"{said}: {hint}" if hint else said)


def judge_timeout(trial: TrialSpec, seconds: int | None = None, hint: str = "") -> Ending:
    """Return how an attempt ended that took too long: the next one would do so, too, so it is not retried.

    ``seconds`` is the limit that it was started under, where that is known: those of the search may have changed since.
    """
    limit = trial.attempt_seconds if seconds is None else seconds
    is_own = limit == trial.template["spec"].get("activeDeadlineSeconds") and limit != trial.timeout_seconds
    name = "the template's activeDeadlineSeconds" if is_own else "timeoutSeconds"
    said = f"the attempt took longer than {name} ({limit})"
    return Ending(Verdict.USELESS, TIMEOUT_REASON, f"{said}: {hint}" if hint else said)


def _signal_name(exit_code: int) -> str:
    number = exit_code - 128 if exit_code > 128 else -exit_code
    try:
        return f" ({signal.Signals(number).name})" if number > 0 else ""
    except ValueError:
        return ""
