"""What the metrics say of searches: one reading each, bounded, complete, and gone with the search."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from evonas.cluster.control.search_reading import MAX_REASONS, read_refused, read_search
from evonas.cluster.state.records import SearchRecord
from evonas.metrics.searches import DEFINITIONS, SEARCH_LABELS, SearchCollector, SearchReading
from evonas.search.status import refuse, summarise
from evonas.search.trial import ProposalRecord, Reuse, RungResult, Trial, TrialState
from evonas.spec import SearchSpec
from tests.unit.search.fronts import TWO
from tests.unit.search.support import IDENTITY, NOW, planned, search_spec, succeeded, trial

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]

FULL = search_spec(
    budget={"maxTrials": 50, "maxGPUHours": 2, "maxSeconds": 3600, "maxFailedTrials": 20},
    trial={"retries": 0, "timeoutSeconds": 600}, gpus=2,
    fidelity={"rungs": {"steps": [1, 3, 9]}, "mode": "Pause"},
)  # fmt: skip
ORIGINS = ("random", "mutation", "policy", "sampler")
EVERYTHING = [
    *(replace(succeeded(index, index / 10, gpu_seconds=60), proposal=_proposal)
      for index, _proposal in enumerate(ProposalRecord(origin, None, (), 0) for origin in ORIGINS)),
    *(trial(10 + index, TrialState.FAILED, reason=f"Reason{index}") for index in range(15)),
    trial(30, TrialState.FAILED, reason="Reason0"),
    trial(31, TrialState.INFEASIBLE, sequence=9),
    trial(32, TrialState.RUNNING),
    trial(34, TrialState.STOPPED, sequence=5, rungs=(RungResult(1, 0.1, 5),), gpu_seconds=10),
    trial(35, TrialState.STOPPED, sequence=7, rungs=(RungResult(1, 0.3, 6), RungResult(3, 0.4, 7)), gpu_seconds=60),
    trial(36, TrialState.RUNNING, rungs=(RungResult(1, 0.3, 8),)),
    trial(37, TrialState.PAUSED, rungs=(RungResult(1, 0.5, 10, promoted_after=10), RungResult(3, 0.1, 11)),
          gpu_seconds=20, lost_checkpoints=1),
    trial(33, TrialState.QUEUED, reused=Reuse("other", "u", 0, "f", TrialState.SUCCEEDED, 0.1, {})),
]  # fmt: skip
SEVERAL = search_spec(objectives=[*TWO])
FRONT = [
    succeeded(index, accuracy, metrics={"accuracy": accuracy, "latency_ms": latency})
    for index, (accuracy, latency) in enumerate([(0.9, 4.0), (0.95, 9.0), (0.5, 6.0)])
]


def record(name: str = "search", uid: str = "0f0e", namespace: str = "default") -> SearchRecord:
    return SearchRecord(namespace, name, uid, 1, 3, False, {}, {})


def read(
    trials: Iterable[Trial], *, spec: SearchSpec = FULL, of: SearchRecord | None = None, entropy: float | None = 0.5
) -> SearchReading:
    plan = planned(trials, spec=spec)
    status = summarise(
        IDENTITY, spec, plan, {}, refused=None, entropy=entropy, versions={}, generation=3, before={}, now=NOW
    )
    return read_search(of or record(), spec, plan.totals, status, NOW + timedelta(minutes=15))


def scrape(collector: SearchCollector) -> Samples:
    registry = CollectorRegistry()
    registry.register(collector)
    text = generate_latest(registry).decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    found = [number for (of, has), number in samples.items() if of == name and labels.items() <= dict(has).items()]
    assert len(found) == 1, (name, labels, found)
    return found[0]


def shown(*readings: SearchReading) -> Samples:
    collector = SearchCollector()
    for reading in readings:
        collector.show(reading)
    return scrape(collector)


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("evonas_search_condition", {"condition": "Progressing", "reason": "TrialsStarting"}, 1),
        ("evonas_search_condition", {"condition": "Complete", "reason": "Unfinished"}, 0),
        ("evonas_search_trials", {"state": "failed"}, 16),
        ("evonas_search_failed_trials", {"reason": "Reason0"}, 2),
        ("evonas_search_failed_trials", {"reason": "Other"}, 5),
        ("evonas_search_best_reward", {}, 0.3),
        ("evonas_search_mean_reward", {}, 0.15),
        # Two were stopped, and one is infeasible; two more results are those of trials that went on.
        ("evonas_search_trials_since_improvement", {}, 3),
        ("evonas_search_gpus", {}, 4),
        ("evonas_search_gpu_seconds_total", {}, 330),
        # Two that were stopped took 10 s and 60 s, one that is paused 20 s; four full trainings took 60 s each.
        ("evonas_search_saved_gpu_seconds_total", {}, 3 * 60 - 90),
        ("evonas_search_last_rung_trials", {"rung": "1"}, 2),
        ("evonas_search_last_rung_trials", {"rung": "3"}, 2),
        ("evonas_search_stopped_trials", {"rung": "1"}, 1),
        ("evonas_search_paused_trials", {"rung": "3"}, 1),
        ("evonas_search_promotions_total", {}, 1),
        ("evonas_search_lost_checkpoints_total", {}, 1),
        ("evonas_search_budget_ratio", {"budget": "maxTrials"}, 27 / 50),
        ("evonas_search_budget_ratio", {"budget": "maxFailedTrials"}, 16 / 20),
        ("evonas_search_budget_ratio", {"budget": "maxGPUHours"}, 330 / 7200),
        ("evonas_search_budget_ratio", {"budget": "maxSeconds"}, 0.25),
        ("evonas_agent_entropy", {}, 0.5),
        ("evonas_agent_proposals_total", {"origin": "mutation"}, 1),
        ("evonas_search_reused_trials_total", {}, 1),
        ("evonas_trials_total", {"outcome": "Succeeded"}, 4),
    ],
    ids=lambda item: item if isinstance(item, str) else None,
)
def test_samples_follow_from_the_records(name: str, labels: dict[str, str], expected: float) -> None:
    assert value(shown(read(EVERYTHING)), name, **labels) == pytest.approx(expected)


def test_gpus_of_trials_that_share_them_are_fractions() -> None:
    spec = search_spec(budget={"devicesPerGPU": {"nvidia.com/gpu": 7}}, gpus=1)
    trials = [trial(0, TrialState.RUNNING), trial(1, TrialState.RUNNING)]
    assert value(shown(read(trials, spec=spec)), "evonas_search_gpus") == 2 / 7


def test_every_metric_has_a_sample_when_there_is_something_to_say() -> None:
    said = {name for name, _ in shown(read(EVERYTHING))} | {name for name, _ in shown(read(FRONT, spec=SEVERAL))}
    assert said == {definition.name for definition in DEFINITIONS}


def test_a_search_with_several_objectives_has_a_front_and_no_best_reward() -> None:
    samples = shown(read(FRONT, spec=SEVERAL))
    assert value(samples, "evonas_search_front_trials") == 2
    assert value(samples, "evonas_search_hypervolume") == pytest.approx((0.9 - 0.5) * (9 - 4))
    # The third result is on no front.
    assert value(samples, "evonas_search_trials_since_improvement") == 1
    assert "evonas_search_best_reward" not in {name for name, _ in samples}
    assert value(shown(read([], spec=SEVERAL)), "evonas_search_front_trials") == 0
    assert not {"evonas_search_front_trials", "evonas_search_hypervolume"} & {
        name for name, _ in shown(read(EVERYTHING))
    }


def test_what_is_unknown_has_no_series() -> None:
    names = {name for name, _ in shown(read([], spec=search_spec(), entropy=None))}
    absent = ("best_reward", "mean_reward", "gpus", "gpu_seconds_total", "saved_gpu_seconds_total", "failed_trials",
              "paused_trials", "promotions_total", "lost_checkpoints_total")  # fmt: skip
    assert not names & {"evonas_agent_entropy", *(f"evonas_search_{name}" for name in absent)}


def test_seconds_since_improvement_go_on_between_passes_and_end_with_the_search() -> None:
    began = datetime.now(UTC) - timedelta(hours=1)
    waiting = replace(read(EVERYTHING), waits_since=began)
    assert value(shown(waiting), "evonas_search_seconds_since_improvement") == pytest.approx(3600, abs=5)
    over = read([], spec=search_spec(suspend=True))
    assert "evonas_search_seconds_since_improvement" not in {name for name, _ in shown(over)}


def test_a_refused_search_has_its_conditions_only() -> None:
    status = refuse("InvalidSpec", "no", generation=3, before={}, now=NOW)
    samples = shown(read_refused(record(), status))
    assert {name for name, _ in samples} == {"evonas_search_condition"}
    assert value(samples, "evonas_search_condition", condition="Accepted", reason="InvalidSpec") == 0


def test_counters_do_not_fall_when_records_are_deleted_but_gauges_do() -> None:
    samples = shown(read(EVERYTHING), read(EVERYTHING[1:]))
    assert value(samples, "evonas_search_trials", state="succeeded") == 3
    assert value(samples, "evonas_trials_total", outcome="Succeeded") == 4
    assert value(samples, "evonas_agent_proposals_total", origin="random") == 24
    assert value(samples, "evonas_search_gpu_seconds_total") == 330
    without = shown(read(EVERYTHING), read([each for each in EVERYTHING if each.state is not TrialState.PAUSED]))
    assert value(without, "evonas_search_promotions_total") == 1
    assert value(without, "evonas_search_lost_checkpoints_total") == 1
    fewer = shown(read(EVERYTHING), read(EVERYTHING[:-1]))
    assert value(fewer, "evonas_search_reused_trials_total") == 1


def test_a_successor_of_the_same_name_begins_anew_and_outlives_its_predecessor() -> None:
    collector = SearchCollector()
    collector.show(read(EVERYTHING))
    collector.show(read(EVERYTHING[:1], of=record(uid="new")))
    collector.forget("default", "search", "0f0e")
    assert value(scrape(collector), "evonas_trials_total", outcome="Succeeded") == 1
    collector.forget("default", "search", "new")
    assert scrape(collector) == {}


def test_three_hundred_searches_have_few_series_each_and_leave_none_behind() -> None:
    collector = SearchCollector()
    searches = [record(f"search-{number}", f"uid-{number}", f"team-{number % 7}") for number in range(300)]
    # Whatever the number of trials and of their reasons.
    trials = [trial(index, TrialState.FAILED, reason=f"Reason{index}") for index in range(100, 1100)]
    for search in searches:
        collector.show(read([*EVERYTHING, *trials], of=search))
    samples = scrape(collector)
    per_search = Counter(dict(labels)["search"] for _, labels in samples)
    assert len(per_search) == 300
    assert FULL.fidelity is not None
    rungs = FULL.fidelity.steps[:-1]
    assert max(per_search.values()) <= 50 + 2 * len(rungs)
    assert {label for _, labels in samples for label, _ in labels} <= {
        *SEARCH_LABELS, "condition", "reason", "state", "budget", "origin", "outcome", "rung"
    }  # fmt: skip
    reasons = [labels for name, labels in samples if name == "evonas_search_failed_trials"]
    assert len(reasons) == 300 * (MAX_REASONS + 1)
    for search in searches:
        collector.forget(search.namespace, search.name, search.uid)
    assert scrape(collector) == {}
