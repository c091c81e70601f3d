"""How the other containers of a trial's pod affect it: init containers, sidecars, second containers.

The trial's own container shows how it ended (``job_view``). If it never started, another container of its pod is the
reason; if it took too long, it may have waited for one. Pure.
"""

from __future__ import annotations

import signal
from datetime import datetime

from evonas.cluster.state.records import NEVER, ContainerState, PodRecord

PASSING = frozenset({"", "Waiting", "ContainerCreating", "PodInitializing"})
"""Reasons for waiting that are part of every start."""
_ENDED_BY_A_SIGNAL = (128 + signal.SIGKILL, 128 + signal.SIGTERM)
MAX_HINT = 200


def find_hindrance(pod: PodRecord) -> tuple[str, str] | None:
    """Return which init container or sidecar the trial's container waits for: its reason for waiting and a message.

    The kubelet starts them one by one, so it is the first that is not done.
    """
    for name, state in pod.init_containers.items():
        what = _name(pod, name)
        if state.waiting is not None:
            said = state.message if state.waiting in PASSING else f"{state.waiting}: {state.message}".rstrip(": ")
            before = f" (the last time it {_left(state.last)})" if state.last is not None else ""
            return state.waiting, f"{what} waits: {said}{before}" if said else f"{what} has not started"
        if state.exit_code is not None:
            if state.exit_code != 0:
                return "", f"{what} {_left(state)}"
        elif name not in pod.sidecars:
            return "", f"{what} has not ended"
        elif not state.ready:
            return "", f"{what} runs, but its startup probe has not succeeded"
    return None


def find_failure(pod: PodRecord, own: str, before: datetime | None = None) -> tuple[str, str] | None:
    """Return how a container other than the trial's ``own`` failed: a reason and a message; None if none has.

    The first to fail counts: others may have failed by being ended for it. ``before`` leaves out later failures.
    """
    failed = [
        (state.finished or NEVER, state.exit_code in _ENDED_BY_A_SIGNAL, name)
        for name, state in _others(pod, own).items()
        if state.exit_code not in (None, 0)
    ]
    finished, _, name = min(failed, default=(None, False, ""))
    if finished is None or (before is not None and finished >= before):
        return None
    is_init = name in pod.init_containers and name not in pod.sidecars
    said = f"{_name(pod, name)} {_left(_others(pod, own)[name])}"
    return "InitContainerFailed" if is_init else "SidecarFailed", said


def last_words(message: str) -> str:
    """Return the last line of what a container left behind, as a hint."""
    lines = message.strip().splitlines()
    return lines[-1][-MAX_HINT:] if lines else ""


def _others(pod: PodRecord, own: str) -> dict[str, ContainerState]:
    return {**pod.init_containers, **{name: state for name, state in pod.containers.items() if name != own}}


def _name(pod: PodRecord, name: str) -> str:
    kind = "container" if name in pod.containers else "sidecar" if name in pod.sidecars else "init container"
    return f"{kind} {name!r}"


def _left(state: ContainerState) -> str:
    reason = f" ({state.reason})" if state.reason not in ("", "Error", "Completed") else ""
    hint = last_words(state.message)
    return f"exited with code {state.exit_code}{reason}" + (f": {hint}" if hint else "")
