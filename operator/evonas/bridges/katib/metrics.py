"""Katib's metrics collectors: what is read of standard output, as ``spec.trial.report``. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from evonas.bridges.katib.notes import Notes
from evonas.log_report import log_report_problems

_COLLECTOR = "spec.metricsCollectorSpec"
_FORMAT = f"{_COLLECTOR}.source.filter.metricsFormat"
_OPENING = re.compile(r"\\.|\[(?:\\.|[^\]\\])+\]|\((?!\?)")
"""What is escaped, a set of characters, or the beginning of a group that captures."""
_WHICH = {"min": "the least", "max": "the largest", "latest": "the last"}


def read_report(
    collector: Mapping[str, Any],
    objective: Mapping[str, Any],
    notes: Notes,
    objectives: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any] | None:
    """Return ``spec.trial.report``; None, with a note, where Katib read something else than standard output.
    ``objectives`` are those that take the place of Katib's one.
    """
    kind = (collector.get("collector") or {}).get("kind", "StdOut")
    source = collector.get("source") or {}
    own = str(objective.get("objectiveMetricName", "the metric"))
    taken = {metric: _strategy(objective, metric) for metric in [each["metric"] for each in objectives] or [own]}
    if kind != "StdOut":
        read = " and ".join(f"{_WHICH.get(over_time, '')} {metric}".strip() for metric, over_time in taken.items())
        notes.differ(_COLLECTOR, _not_read(kind, source, read))
        return None
    report: dict[str, Any] = {"from": "Logs"}
    if patterns := _patterns(source, objective, notes):
        report["patterns"] = patterns
    if not objectives and taken[own] == _usual(objective):
        return {**report, "value": "Best"}
    or_best = "" if objectives else ", or with value: Best the best"
    for metric, over_time in taken.items():
        if over_time != "latest":
            said = f"Katib took {_which(over_time)} {metric}; here it is the last{or_best}"
            notes.differ("spec.objective.metricStrategies", said)
    return report


def _strategy(objective: Mapping[str, Any], metric: str) -> str:
    """Return which of a metric's values Katib takes: by default the best by its objective's type, whatever the metric
    is, and not the last.
    """
    strategies = {item.get("name"): item.get("value") for item in objective.get("metricStrategies") or ()}
    return str(strategies.get(metric, _usual(objective)))


def _usual(objective: Mapping[str, Any]) -> str:
    return "min" if objective.get("type") == "minimize" else "max"


def _which(over_time: str) -> str:
    return _WHICH.get(over_time, over_time)


def _not_read(kind: str, source: Mapping[str, Any], what: str) -> str:
    path = (source.get("fileSystemPath") or {}).get("path")
    where = f"from {path}" if path else "by Katib's push call" if kind == "None" else f"by {kind}"
    cure = "have it printed, with report: {from: Logs} in spec.trial, or reported (docs/trial-contract.md)"
    return f"Katib read {what} {where}, which has no counterpart: {cure}"


def _patterns(source: Mapping[str, Any], objective: Mapping[str, Any], notes: Notes) -> list[str]:
    """Return the patterns that are needed to find what Katib found; none where the usual forms have it."""
    formats: Sequence[str] = (source.get("filter") or {}).get("metricsFormat") or ()
    if formats:
        named = [_named(pattern) for pattern in formats]
        wrong = [*log_report_problems({"patterns": named})]
        if wrong or len(named) > 8:
            why = wrong[0].problem if wrong else "there are more than 8"
            notes.differ(_FORMAT, f"is left out, since as patterns of spec.trial.report {why}")
            return []
        return named
    further = objective.get("additionalMetricNames") or ()
    if not further:
        return []
    # As Katib's own default, for these names.
    known = map(str, (objective.get("objectiveMetricName"), *further))
    names = "|".join(re.escape(name).replace(r"\-", "-") for name in known)
    return [rf"(?:^|[^\w|-])(?P<metric>{names})\s*=\s*(?P<value>[+-]?\d*(?:\.\d+)?(?:[Ee][+-]?\d+)?)"]


def _named(pattern: str) -> str:
    """Return a pattern of Katib's with its first two groups, the name and the value, named."""
    names = iter(("(?P<metric>", "(?P<value>"))
    return _OPENING.sub(lambda match: next(names, "(") if match.group() == "(" else match.group(), pattern)
