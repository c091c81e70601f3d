"""A search declared in Python is the manifest that one would write, and is refused by the same rules in other words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import evonas
from evonas.extras import EXTRAS
from evonas.manifest import load_search
from evonas.python.space import from_manifest, to_manifest
from tests.corpus import good
from tests.unit.python.functions import count

EXAMPLES = sorted(Path("examples").glob("*.yaml"))

names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
values = st.lists(st.integers(-5, 5) | st.sampled_from(["relu", "1e-3", "no"]), min_size=1, max_size=5, unique=True)


@st.composite
def spaces(draw: st.DrawFn) -> dict[str, Any]:
    space: dict[str, Any] = {}
    for name in draw(st.lists(names, min_size=1, max_size=5, unique=True)):
        listed = {other: found for other, found in space.items() if isinstance(found, list)}
        when = None
        is_conditional = draw(st.booleans())
        if listed and is_conditional:
            other = draw(st.sampled_from(sorted(listed)))
            when = {other: [draw(st.sampled_from(listed[other]))]}
        steps = draw(st.none() | st.integers(2, 9))
        low, high = draw(st.floats(0.001, 0.01)), draw(st.floats(0.1, 9))
        kinds: list[Any] = [
            draw(values),
            evonas.choice(*draw(values), when=when),
            evonas.integers(1, draw(st.integers(20, 99)), log=draw(st.booleans()), steps=steps, when=when),
            evonas.floats(low, high, log=draw(st.booleans()), steps=steps, when=when),
        ]
        space[name] = kinds[draw(st.integers(0, 3))]
    return space


@given(spaces())
def test_yaml_and_back_is_the_same_search(space: dict[str, Any]) -> None:
    search = evonas.Search("here", space, maximize="accuracy", trials=10, agent="Random")
    assert evonas.Search.from_yaml(search.to_yaml()) == search
    assert to_manifest(search.space) == search.to_dict()["spec"]["searchSpace"]
    assert from_manifest(to_manifest(search.space)) == search.space


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_a_search_from_yaml(path: Path) -> None:
    search = evonas.Search.from_yaml(path)
    assert search.to_dict() == load_search(path)
    assert evonas.Search.from_yaml(search.to_yaml()) == search


float32: Any = np.float32


def test_all_arguments_have_their_field() -> None:
    search = evonas.Search(
        "digits",
        {
            "blocks": [1, 2, 3],
            "width": evonas.integers(16, 128, log=True, steps=4),
            "kernel": evonas.choice(3, 5, when={"blocks": 3}),
            "rate": evonas.floats(float32(0.5), np.float64(1), steps=3),
        },
        minimize="loss",
        trials=40,
        parallel=4,
        agent={"type": "Evolution", "evolution": {"population": 20}},
        seed=7,
        target=0.1,
        constraints={"latency_ms": evonas.Constraint(max=5.0), "size": evonas.Constraint(target=1e6, exponent=-0.07)},
        rungs=evonas.Rungs(min=1, max=9, rule="Median"),
        confirm=evonas.Confirm(top=2, repeats=2),
        candidates=[{"blocks": 1, "width": 16, "rate": 0.5}],
        warm_start="earlier",
        knowledge=["others"],
        max_failed=3,
        max_seconds=600,
        max_gpu_hours=100,
        timeout_seconds=60,
        retries=1,
        labels={"team": "vision"},
    ).to_dict()
    container = search["spec"]["trial"]["template"]["spec"]["containers"][0]
    assert container["command"][-2:] == ["--metric", "loss"]
    search["spec"]["trial"].pop("template")
    assert search == {
        "apiVersion": "evonas.dev/v1alpha1",
        "kind": "ArchitectureSearch",
        "metadata": {"name": "digits", "labels": {"team": "vision"}},
        "spec": {
            "searchSpace": [
                {"name": "blocks", "values": [1, 2, 3]},
                {"name": "width", "range": {"min": 16, "max": 128, "scale": "log", "steps": 4, "integer": True}},
                {"name": "kernel", "values": [3, 5], "when": {"name": "blocks", "values": [3]}},
                {"name": "rate", "range": {"min": 0.5, "max": 1.0, "steps": 3}},
            ],
            "objective": {
                "metric": "loss",
                "goal": "Minimize",
                "target": 0.1,
                "constraints": [
                    {"metric": "latency_ms", "max": 5.0},
                    {"metric": "size", "target": 1e6, "exponent": -0.07},
                ],
            },
            "agent": {"type": "Evolution", "evolution": {"population": 20}, "seed": 7},
            "budget": {
                "maxTrials": 40,
                "parallelTrials": 4,
                "maxFailedTrials": 3,
                "maxSeconds": 600,
                "maxGPUHours": 100,
            },
            "fidelity": {"rungs": {"min": 1, "max": 9}, "rule": "Median"},
            "confirm": {"top": 2, "repeats": 2},
            "warmStart": {"search": "earlier", "candidates": [{"blocks": 1, "width": 16, "rate": 0.5}]},
            "knowledge": {"searches": ["others"]},
            "trial": {"timeoutSeconds": 60, "retries": 1},
        },
    }


def test_several_objectives_have_their_fields() -> None:
    search = evonas.Search(
        "digits",
        {"blocks": [1, 2, 3]},
        objectives=[
            evonas.Objective("accuracy", target=np.float64(0.5), constraints={"size": evonas.Constraint(max=5.0)}),
            evonas.Objective("latency_ms", "Minimize", reference=float32(20)),
        ],
        trials=40,
    )
    spec = search.to_dict()["spec"]
    assert "objective" not in spec
    assert spec["objectives"] == [
        {"metric": "accuracy", "goal": "Maximize", "target": 0.5, "constraints": [{"metric": "size", "max": 5.0}]},
        {"metric": "latency_ms", "goal": "Minimize", "reference": 20},
    ]
    container = spec["trial"]["template"]["spec"]["containers"][0]
    assert container["command"][-4:] == ["--metric", "accuracy", "--metric", "latency_ms"]
    assert evonas.Search.from_yaml(search.to_yaml()) == search


def test_numbers_of_numpy_are_numbers_everywhere() -> None:
    one: Any = np.int64(1)
    three: Any = np.float32(3)
    told = evonas.Search(
        "here",
        {"a": [one, 2]},
        trials=one,
        parallel=one,
        seed=one,
        target=three,
        max_failed=one,
        agent="Random",
        candidates=[{"a": one}],
        rungs=[one, 3],
        constraints={"ms": evonas.Constraint(max=three)},
    )
    assert evonas.Search.from_yaml(told.to_yaml()) == told


BOTH = [evonas.Objective("accuracy"), evonas.Objective("latency_ms", "Minimize")]
minimise: Any = "minimise"
five: Any = 5

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": "No Name"}, "name: 'No Name' must consist of lower case letters"),
    ({"space": {}}, "space: "),
    ({"space": {"a": "relu"}}, "space['a']: must be a list of values, or made by choice, integers or floats"),
    ({"space": {"a": [1, 1]}}, "space['a']"),
    ({"space": {"a": evonas.integers(9, 1)}}, "space['a']"),
    ({"space": {"a": [1], "b": evonas.choice(1, when={"c": [1]})}}, "space['b'].when"),
    ({"space": {"a": [1], "b": evonas.choice(1, when={})}}, "space['b'].when: must name one earlier decision"),
    ({"trials": 0}, "trials: "),
    ({"trials": 2, "parallel": 3}, "parallel: must be no more than trials (3 > 2)"),
    (
        {"maximize": "a", "minimize": "b"},
        "maximize, minimize: are for a search with one objective; for both, give objectives=[Objective('a'), "
        "Objective('b', 'Minimize')]",
    ),
    ({"objectives": "accuracy"}, "objectives: must be a list such as [Objective('accuracy'),"),
    ({"objectives": ["accuracy"]}, "objectives[0]: must be an Objective such as Objective('accuracy'); got 'accuracy'"),
    (
        {"objectives": [evonas.Objective("accuracy")]},
        "objectives: needs two or more; a single one is maximize or minimize",
    ),
    (
        {"objectives": [evonas.Objective("a")] * 2},
        "objectives: metrics of objectives must be unique, got 'a' more than once",
    ),
    ({"objectives": [evonas.Objective("a", minimise)]}, "objectives[0].goal: must be 'Maximize' or 'Minimize'; got"),
    (
        {"objectives": BOTH, "maximize": "a", "target": 1},
        "maximize, target: not beside objectives: each Objective has its own metric, goal, target and constraints",
    ),
    ({"objectives": BOTH, "constraints": {"ms": evonas.Constraint(max=5)}}, "constraints: not beside objectives"),
    ({"objectives": BOTH, "knowledge": ["others"]}, "knowledge: is for searches with one objective"),
    (
        {"objectives": [BOTH[0], evonas.Objective("b", constraints={"ms": evonas.Constraint()})]},
        "objectives[1].constraints['ms']: must have either",
    ),
    (
        {"objectives": [BOTH[0], evonas.Objective("b", constraints={"ms": five})]},
        "objectives[1].constraints['ms']: must be a Constraint",
    ),
    (
        {"objectives": [evonas.Objective("a", target=1, reference=2), BOTH[1]]},
        "objectives[0].target: must be no worse than the reference",
    ),
    ({"agent": "Evolutoin"}, "agent: "),
    (
        {"agent": "CMAES"},
        "agent: 'CMAES' is no agent, but a sampler of Optuna: write agent={'type': 'Optuna', 'sampler':",
    ),
    ({"agent": "cma-es"}, "agent: 'cma-es' is no agent, but a sampler of Optuna"),
    ({"agent": "evonas"}, "agent: there is no agent 'evonas'; did you mean EvoNAS?"),
    ({"agent": None}, "agent: must be the name of an agent"),
    ({"agent": {"type": "Evolution", "evolution": {"populaton": 3}}}, "agent.evolution"),
    ({"constraints": {"ms": evonas.Constraint()}}, "constraints['ms']"),
    ({"rungs": [3, 1]}, "rungs.steps: must ascend"),
    ({"rungs": 3}, "rungs: must be a list of steps such as [1, 3, 9], or Rungs; got 3"),
    ({"constraints": {"ms": 5}}, "constraints['ms']: must be a Constraint such as Constraint(max=5); got 5"),
    ({"constraints": evonas.Constraint(max=5)}, "constraints: must be a mapping"),
    ({"confirm": 3}, "confirm: must be a Confirm"),
    ({"candidates": {"a": 1}}, "candidates: must be a list of candidates"),
    ({"candidates": ["a"]}, "candidates[0]: must be a mapping from decisions to values; got 'a'"),
    ({"knowledge": "others"}, "knowledge: must be a list of the names of searches; got 'others'"),
    ({"candidates": [{"a": 7}]}, "candidates[0]: decision 'a' has no value 7"),
    ({"warm_start": "here"}, "warm_start: must name another search"),
    ({"knowledge": ["here"]}, "knowledge: must name other searches"),
    ({"timeout_seconds": -1}, "timeout_seconds: "),
    ({"max_failed": "x"}, "max_failed: "),
    ({"labels": {"a": 1}}, "labels.a: "),
    ({"confirm": evonas.Confirm(top=99)}, "confirm.top: "),
]


@pytest.mark.parametrize(("wrong", "said"), WRONG, ids=[said for _, said in WRONG])
def test_problem_is_told_in_pythons_words(wrong: dict[str, Any], said: str) -> None:
    told = {"name": "here", "space": {"a": [1, 2]}, "trials": 2, **wrong}
    with pytest.raises(evonas.EvonasError) as refused:
        evonas.Search(**told)
    assert str(refused.value).startswith(said)
    assert "spec." not in str(refused.value)
    assert "maxTrials" not in str(refused.value)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(evonas.EvonasError) as refused:
        evonas.Search("Here", {"a": [1]}, trials=0, retries=-1)
    assert [line.partition(":")[0] for line in str(refused.value).splitlines()] == ["name", "trials", "retries"]


def test_yaml_without_a_search_is_refused(tmp_path: Path) -> None:
    with pytest.raises(evonas.EvonasError, match="the text must hold exactly one object of kind ArchitectureSearch"):
        evonas.Search.from_yaml("a: 1\nb: 2\n")
    with pytest.raises(evonas.EvonasError, match=r"cannot read .*none\.yaml"):
        evonas.Search.from_yaml(tmp_path / "none.yaml")


def test_search_whose_agent_cannot_run_here_can_be_declared_for_a_cluster(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(EXTRAS, "agents", ("no_such_module",))
    search = evonas.Search("here", {"a": [1, 2]}, trials=2, runs=tmp_path)
    assert search.in_container("image", command=["train"]).to_dict()["spec"]["trial"]
    with pytest.raises(evonas.EvonasError, match=r"^agent: EvoNAS learns with PyTorch.*pip install 'evonas\[agents\]'"):
        search.run(count)


def workload() -> dict[str, Any]:
    return dict(good("jobset.yaml")["spec"]["trial"]["workload"])


def test_a_workload_of_several_pods_is_declared_and_read_back() -> None:
    given = workload()
    search = evonas.Search("several", {"blocks": [1, 2]}, trials=2, timeout_seconds=60, workload=given)
    assert search.to_dict()["spec"]["trial"] == {"timeoutSeconds": 60, "workload": given}
    assert evonas.Search.from_yaml(search.to_yaml()) == search
    given["spec"] = {}
    assert search.to_dict()["spec"]["trial"]["workload"] == workload()


def test_a_workload_runs_in_a_cluster_alone(tmp_path: Path) -> None:
    search = evonas.Search("several", {"blocks": [1, 2]}, trials=2, workload=workload(), runs=tmp_path)
    with pytest.raises(
        evonas.EvonasError, match="workload: a trial is a JobSet with 5 pods, which only a cluster runs"
    ):
        search.run()
    with pytest.raises(evonas.EvonasError, match="run: this search declares a workload"):
        search.run(count)
    with pytest.raises(evonas.EvonasError, match="submit: this search declares a workload"):
        search.submit(image="none")
    assert not any(tmp_path.iterdir())


def test_trials_of_a_workload_can_be_asked_for(tmp_path: Path) -> None:
    with evonas.Search(
        "several", {"a": [1, 2]}, trials=1, agent="Random", workload=workload(), runs=tmp_path
    ) as search:
        trial = search.ask()
        assert trial is not None
        assert search.tell(trial, 1.0).reward == 1.0


def test_problems_of_a_workload_are_named_in_python() -> None:
    given = workload()
    given["spec"]["replicatedJobs"][0]["replicas"] = 0
    with pytest.raises(evonas.EvonasError, match=r"^workload\.spec\.replicatedJobs\[0\]\.replicas: must be"):
        evonas.Search("several", {"a": [1]}, trials=1, workload=given)
    with pytest.raises(evonas.EvonasError, match=r"^workload: must be a mapping with apiVersion, kind and spec"):
        evonas.Search("several", {"a": [1]}, trials=1, workload="JobSet")  # type: ignore[arg-type]
