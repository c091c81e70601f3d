"""What a trial reports: its annotations and its termination message, parsed (docs/trial-contract.md).

Both carry the same facts. Nothing that a trial writes is trusted: a reward that is not a finite number is rejected with
a reason, never passed on.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from evonas.search.names import INFEASIBLE_ANNOTATION, METRICS_ANNOTATION, REWARD_ANNOTATION
from evonas.search.trial_progress import read_step

MAX_MESSAGE_BYTES = 4096
"""What the kubelet keeps of a container's termination message: the end of it."""
MAX_POD_MESSAGE_BYTES = 12288
"""What it keeps of all those of a pod; each container may have an equal share, of which the beginning is kept."""
MAX_METRICS = 64
MAX_REASON = 300
"""What is kept of the reason that a report gives in place of its reward."""
MAX_METRIC_NAME = 128
_FIELDS = frozenset({"reward", "metrics", "infeasible"})
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")


@dataclass(frozen=True)
class Report:
    """What was reported; everything may be missing."""

    reward: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    infeasible: str | None = None
    """Why the candidate is infeasible, as the trial put it."""
    problem: str | None = None
    """What could not be read, in a sentence; the rest of the report is valid."""
    resumed: int | None = None
    """As of a progress report."""
    unmatched: str | None = None
    """Which metric was not found in a container's output, in a sentence; only if it is read there."""

    @property
    def is_empty(self) -> bool:
        """Return whether it contains neither a result nor an unreadable one."""
        return self.reward is None and self.infeasible is None and self.problem is None


def message_limit(pod: Mapping[str, Any]) -> int:
    """Return how many bytes of a container's termination message are kept in a pod with this spec."""
    listed = [pod.get(field) for field in ("containers", "initContainers", "ephemeralContainers")]
    # A template is kept as written: only the API server checks its form.
    count = sum(len(containers) for containers in listed if isinstance(containers, list))
    return min(MAX_MESSAGE_BYTES, MAX_POD_MESSAGE_BYTES // max(count, 1))


def kept_message(written: bytes, limit: int) -> str:
    """Return the termination message that a pod would have of what its container wrote."""
    return written[-MAX_MESSAGE_BYTES:][:limit].decode(errors="replace")


def read_report(annotations: Mapping[str, str], termination_message: str, limit: int = MAX_MESSAGE_BYTES) -> Report:
    """Return the report of an ended trial: the annotations if they say anything, else the termination message."""
    annotated = parse_annotations(annotations)
    said = parse_message(termination_message, limit)
    if annotated.is_empty and said != Report():
        return said
    # There is no annotation of its own for that.
    return replace(annotated, resumed=said.resumed)


def parse_annotations(annotations: Mapping[str, str]) -> Report:
    """Read the pod annotations ``evonas.dev/reward``, ``…/metrics`` and ``…/infeasible``."""
    reward, problem = None, None
    if (text := annotations.get(REWARD_ANNOTATION)) is not None:
        reward, problem = _number(text, f"the annotation {REWARD_ANNOTATION}")
    metrics: Mapping[str, float] = {}
    if (text := annotations.get(METRICS_ANNOTATION)) is not None:
        metrics, metrics_problem = _metrics(_loads(text), f"the annotation {METRICS_ANNOTATION}")
        problem = problem or metrics_problem
    return Report(reward, metrics, annotations.get(INFEASIBLE_ANNOTATION), problem)


def parse_message(message: str, limit: int = MAX_MESSAGE_BYTES) -> Report:
    """Read a termination message: a JSON object with ``reward``, ``metrics``, ``infeasible``, ``resumed``.

    One of ``limit`` bytes that cannot be read is taken for one that was cut.
    """
    if not message.strip():
        return Report()
    content = _loads(message)
    if not isinstance(content, dict):
        if len(message.encode(errors="replace")) >= limit:
            cure = f"report fewer metrics, or by the annotation {REWARD_ANNOTATION}"
            return Report(problem=f"the termination message was cut to {limit:,} bytes, all that a pod keeps: {cure}")
        return Report(problem=f"the termination message is not a JSON object: {_cut(message)!r}")
    if content and not content.keys() & _FIELDS:
        names = ", ".join(map(repr, content))
        return Report(problem=f"the termination message has neither a reward nor metrics, only {_cut(names)}")
    reward, problem = None, None
    if "reward" in content:
        reward, problem = _number(content["reward"], "reward in the termination message")
        if isinstance(said := content["reward"], str) and len(said.split()) > 1:
            # A sentence: what evonas_trial.report.unusable leaves instead of a reward.
            problem = f"no reward, since {_cut(_text(said), MAX_REASON)}"
    metrics, metrics_problem = _metrics(content.get("metrics", {}), "metrics in the termination message")
    infeasible = content.get("infeasible")
    return Report(
        reward,
        metrics,
        None if infeasible is None else _text(infeasible),
        problem or metrics_problem,
        read_step(content.get("resumed")),
    )


def _number(value: Any, what: str) -> tuple[float | None, str | None]:
    text = value.strip() if isinstance(value, str) else repr(value)
    if isinstance(value, bool) or not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        return None, f"{what} is not a finite number: {_cut(text)!r}"
    return float(text), None


def _metrics(value: Any, what: str) -> tuple[Mapping[str, float], str | None]:
    if not isinstance(value, dict):
        return {}, f"{what} is not a JSON object"
    metrics: dict[str, float] = {}
    for name, item in value.items():
        number, problem = _number(item, f"{name!r} in {what}")
        if number is None:
            return metrics, problem
        if len(metrics) == MAX_METRICS or len(name) > MAX_METRIC_NAME:
            return metrics, f"{what} has over {MAX_METRICS} entries, or a name over {MAX_METRIC_NAME} characters long"
        metrics[_text(name)] = number
    return metrics, None


def _text(value: Any) -> str:
    """Return text that can be written anywhere: JSON can hold half a surrogate pair, files and objects cannot."""
    return str(value).encode(errors="replace").decode()


def _loads(text: str) -> Any:
    """Parse JSON with NaN and Infinity kept as strings, which ``_number`` then rejects by name."""
    try:
        return json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return None


def _cut(text: str, length: int = 80) -> str:
    return text if len(text) <= length else f"{text[:length]}…"
