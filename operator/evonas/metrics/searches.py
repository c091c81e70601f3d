"""The metrics of each search: one reading, replaced by every pass, from which each scrape generates its samples.
Counters are computed from the records, not from what this process did: they do not restart at 0 with a new process or
leader. A search's series disappear with its reading, all at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar

from prometheus_client.core import REGISTRY, CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

N = TypeVar("N", int, float)
Family = GaugeMetricFamily | CounterMetricFamily

SEARCH_LABELS = ("namespace", "search")


@dataclass(frozen=True)
class SearchReading:
    """One search as of its latest pass; what is None or empty has no series."""

    uid: str
    namespace: str
    name: str
    conditions: Mapping[str, tuple[bool, str]]
    """Status and reason by type."""
    trials: Mapping[str, int] = field(default_factory=dict)
    """By state."""
    failed: Mapping[str, int] = field(default_factory=dict)
    """By reason."""
    outcomes: Mapping[str, int] = field(default_factory=dict)
    proposals: Mapping[str, int] = field(default_factory=dict)
    """By origin."""
    reused: int | None = None
    best_reward: float | None = None
    front: int | None = None
    """How many trials are on the front of a search with several objectives, which has no best one."""
    hypervolume: float | None = None
    mean_reward: float | None = None
    trials_since_improvement: int | None = None
    waits_since: datetime | None = None
    """When the latest improvement was found, or the search began; None for a search that is not active."""
    gpus: float | None = None
    gpu_seconds: int | None = None
    saved_gpu_seconds: float | None = None
    last_rungs: Mapping[str, int] = field(default_factory=dict)
    """Trials by the last rung at which they have a result."""
    stopped_at: Mapping[str, int] = field(default_factory=dict)
    """Trials that were stopped, by the rung."""
    paused_at: Mapping[str, int] = field(default_factory=dict)
    """Trials that are paused, by the rung."""
    promotions: int | None = None
    """How often a paused trial was told to go on; None for a search whose trials do not pause."""
    lost_checkpoints: int | None = None
    budgets: Mapping[str, float] = field(default_factory=dict)
    """Used share by the name of the budget's field."""
    entropy: float | None = None


@dataclass(frozen=True)
class Definition:
    """A metric: its name, and its samples in a reading by the value of its own label, if it has one."""

    name: str
    help: str
    samples: Callable[[SearchReading, datetime], Mapping[tuple[str, ...], float | None]]
    labels: tuple[str, ...] = ()
    family: type[Family] = GaugeMetricFamily


def _one(value: float | None) -> Mapping[tuple[str, ...], float | None]:
    return {(): value}


def _each(values: Mapping[str, float]) -> Mapping[tuple[str, ...], float | None]:
    return {(label,): value for label, value in values.items()}


def _waiting(reading: SearchReading, now: datetime) -> float | None:
    return None if reading.waits_since is None else max(0.0, (now - reading.waits_since).total_seconds())


DEFINITIONS = (
    Definition(
        "evonas_search_condition",
        "1 if the condition of the search is True, 0 if it is False; with the condition's reason.",
        lambda reading, _: {(kind, why): float(status) for kind, (status, why) in reading.conditions.items()},
        ("condition", "reason"),
    ),
    Definition(
        "evonas_search_trials", "Trials of a search by state.", lambda reading, _: _each(reading.trials), ("state",)
    ),
    Definition(
        "evonas_search_failed_trials",
        "Failed trials of a search by reason; if there are many reasons, the rarest count as Other.",
        lambda reading, _: _each(reading.failed),
        ("reason",),
    ),
    Definition(
        "evonas_search_best_reward",
        "Best reward of a search with one objective so far; not negated if the goal is Minimize.",
        lambda reading, _: _one(reading.best_reward),
    ),
    Definition(
        "evonas_search_front_trials",
        "Trials on the front of a search with several objectives.",
        lambda reading, _: _one(reading.front),
    ),
    Definition(
        "evonas_search_hypervolume",
        "Hypervolume of that front above its reference, in the product of the objectives' units; it never shrinks.",
        lambda reading, _: _one(reading.hypervolume),
    ),
    Definition(
        "evonas_search_mean_reward",
        "Mean of the last 50 recorded rewards: the moving average of the Evo-NAS paper. With several objectives, of the"
        " first one's values.",
        lambda reading, _: _one(reading.mean_reward),
    ),
    Definition(
        "evonas_search_seconds_since_improvement",
        "Seconds since the best reward was found or, with several objectives, the latest trial on the front; else since"
        " the search began; only while the search is active.",
        lambda reading, now: _one(_waiting(reading, now)),
    ),
    Definition(
        "evonas_search_trials_since_improvement",
        "Results recorded after the best one or, with several objectives, after the latest one on the front.",
        lambda reading, _: _one(reading.trials_since_improvement),
    ),
    Definition(
        "evonas_search_gpus",
        "GPUs requested by the running trials of a search; a share of one is a fraction.",
        lambda reading, _: _one(reading.gpus),
    ),
    Definition(
        "evonas_search_gpu_seconds_total",
        "GPU seconds used by a search; an attempt is charged when it ends.",
        lambda reading, _: _one(reading.gpu_seconds),
        family=CounterMetricFamily,
    ),
    Definition(
        "evonas_search_saved_gpu_seconds_total",
        "Estimate of the GPU seconds saved by stopping or pausing trials at rungs: what they would have taken, had each"
        " taken as long as the mean of those trained to the end.",
        lambda reading, _: _one(reading.saved_gpu_seconds),
        family=CounterMetricFamily,
    ),
    Definition(
        "evonas_search_last_rung_trials",
        "Trials of a search by the last rung (spec.fidelity) at which they have a result, by its step.",
        lambda reading, _: _each(reading.last_rungs),
        ("rung",),
    ),
    Definition(
        "evonas_search_stopped_trials",
        "Trials of a search that were stopped at a rung, by its step.",
        lambda reading, _: _each(reading.stopped_at),
        ("rung",),
    ),
    Definition(
        "evonas_search_paused_trials",
        "Trials of a search that are paused at a rung, by its step.",
        lambda reading, _: _each(reading.paused_at),
        ("rung",),
    ),
    Definition(
        "evonas_search_promotions_total",
        "Times that a paused trial was told to go on; only for searches whose trials pause.",
        lambda reading, _: _one(reading.promotions),
        family=CounterMetricFamily,
    ),
    Definition(
        "evonas_search_lost_checkpoints_total",
        "Attempts that were to go on from a rung and were trained again from less, as the checkpoint was gone.",
        lambda reading, _: _one(reading.lost_checkpoints),
        family=CounterMetricFamily,
    ),
    Definition(
        "evonas_search_budget_ratio",
        "Used share of each budget in the manifest, by field name.",
        lambda reading, _: _each(reading.budgets),
        ("budget",),
    ),
    Definition(
        "evonas_agent_entropy",
        "Mean entropy of the policy's decisions relative to uniform ones, 0 to 1; only for agents that have a policy.",
        lambda reading, _: _one(reading.entropy),
    ),
    Definition(
        "evonas_agent_proposals_total",
        "Recorded candidates, by how the agent arrived at them.",
        lambda reading, _: _each(reading.proposals),
        ("origin",),
        CounterMetricFamily,
    ),
    Definition(
        "evonas_search_reused_trials_total",
        "Recorded candidates that reuse the result of another search's trial, so nothing is run for them.",
        lambda reading, _: _one(reading.reused),
        family=CounterMetricFamily,
    ),
    Definition(
        "evonas_trials_total",
        "Trials that ended, by outcome.",
        lambda reading, _: _each(reading.outcomes),
        ("outcome",),
        CounterMetricFamily,
    ),
)


class SearchCollector(Collector):
    """Holds the latest reading of each search and exposes them on request."""

    def __init__(self) -> None:
        self._readings: dict[tuple[str, str], SearchReading] = {}

    def show(self, reading: SearchReading) -> None:
        """Replace the search's reading."""
        key = (reading.namespace, reading.name)
        before = self._readings.get(key)
        if before is not None and before.uid == reading.uid:
            reading = _not_below(before, reading)
        self._readings[key] = reading

    def forget(self, namespace: str, name: str, uid: str) -> None:
        """Drop every series of a deleted search; those of a successor with the same name stay."""
        reading = self._readings.get((namespace, name))
        if reading is not None and reading.uid == uid:
            del self._readings[namespace, name]

    def collect(self) -> Iterator[Family]:
        """Yield each metric with its current samples."""
        now = datetime.now(UTC)
        for definition, family in zip(DEFINITIONS, self.describe(), strict=True):
            for reading in self._readings.values():
                for labels, value in definition.samples(reading, now).items():
                    if value is not None:
                        family.add_metric([reading.namespace, reading.name, *labels], value)
            yield family

    def describe(self) -> Iterator[Family]:
        """Yield each metric without samples."""
        for definition in DEFINITIONS:
            yield definition.family(definition.name, definition.help, labels=[*SEARCH_LABELS, *definition.labels])


def _not_below(before: SearchReading, after: SearchReading) -> SearchReading:
    """Return ``after`` with no counter below ``before``: deleting a record does not undo what happened. Prometheus
    would take a falling counter for one that restarted at 0, and count everything twice.
    """
    return replace(
        after,
        outcomes=_larger(before.outcomes, after.outcomes),
        proposals=_larger(before.proposals, after.proposals),
        reused=_not_less(before.reused, after.reused),
        gpu_seconds=_not_less(before.gpu_seconds, after.gpu_seconds),
        saved_gpu_seconds=_not_less(before.saved_gpu_seconds, after.saved_gpu_seconds),
        promotions=_not_less(before.promotions, after.promotions),
        lost_checkpoints=_not_less(before.lost_checkpoints, after.lost_checkpoints),
    )


def _not_less(before: N | None, after: N | None) -> N | None:
    return after if before is None or after is None else max(before, after)


def _larger(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    return {label: max(before.get(label, 0), after.get(label, 0)) for label in before.keys() | after.keys()}


READINGS = SearchCollector()
REGISTRY.register(READINGS)
