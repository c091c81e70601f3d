"""Optuna's samplers keep the contract, and what they see of a search is what happened in it."""

from __future__ import annotations

import subprocess
import sys
from typing import ClassVar

import pytest
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import TrialState

from evonas import extras
from evonas.agents import Agent, LearnsFromRungs, check_agent, create_agent
from evonas.agents.optuna.study import LARGEST_REWARD, SamplerStudy
from evonas.agents.settings import SAMPLERS, Sampler
from evonas.agents.testing import AgentContract
from evonas.errors import InvalidManifest
from evonas.space import SearchSpace, Value
from tests.tier import examples

from .support import counting_space, play


class Sampled(AgentContract):
    sampler: ClassVar[Sampler]
    examples = examples(4)

    def create(self, space: SearchSpace, seed: int) -> Agent:
        return create_agent("Optuna", space, seed, {"sampler": self.sampler, "warmup": 5}, objectives=self.objectives)


class TestTPE(Sampled):
    sampler = "TPE"


class TestGP(Sampled):
    sampler = "GP"
    examples = examples(2)
    steps = 24


class TestNSGAII(Sampled):
    sampler = "NSGAII"
    # A generation has 50 members: the second one has to be reached.
    steps = 200


class TestCMAES(Sampled):
    sampler = "CMAES"
    steps = 200


class TestQMC(Sampled):
    sampler = "QMC"


class TestTPEForSeveral(Sampled):
    sampler = "TPE"
    objectives = 2
    examples = examples(2)


class TestGPForSeveral(Sampled):
    sampler = "GP"
    objectives = 2
    examples = examples(1)
    steps = 24


class TestNSGAIIForThree(Sampled):
    sampler = "NSGAII"
    objectives = 3
    examples = examples(2)
    steps = 200


class TestQMCForSeveral(Sampled):
    sampler = "QMC"
    objectives = 2
    examples = examples(2)


@pytest.mark.parametrize("sampler", ["TPE", "GP", "NSGAII", "CMAES"])
def test_rewards_matter(sampler: Sampler) -> None:
    trials = 60 if sampler == "NSGAII" else 20
    proposed: list[list[dict[str, Value]]] = []
    for sign in (1, -1):
        agent = create_agent("Optuna", counting_space(6), 0, {"sampler": sampler})
        proposed.append([])
        for _ in range(trials):
            proposal = agent.propose()
            proposed[-1].append(proposal.decisions)
            agent.observe(proposal.index, sign * sum(map(float, proposal.decisions.values())))
    assert proposed[0][:2] == proposed[1][:2]
    assert proposed[0] != proposed[1]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_sampler_draws_nearly_everything_in_a_large_space(sampler: Sampler) -> None:
    proposals = play(create_agent("Optuna", counting_space(8), 0, {"sampler": sampler}), 20)
    assert [proposal.origin for proposal in proposals].count("sampler") >= 18
    assert {(proposal.parent, proposal.mutated) for proposal in proposals} == {(None, ())}


def test_numbers_are_ordered_whatever_their_order_in_the_manifest() -> None:
    space = SearchSpace.parse(
        [
            {"name": "width", "values": [64, 16, 32]},
            {"name": "rate", "range": {"min": 0.1, "max": 1, "steps": 4}},
            {"name": "pool", "values": ["max", "mean"]},
            {"name": "bias", "values": [True, False]},
            {"name": "mixed", "values": [1, "auto"]},
            {"name": "only", "values": [7]},
        ]
    )
    study = SamplerStudy(space, 0, "TPE", 10)
    study.enter(0, (0, 3, 1, 0, 1, 0), {})
    trial = study._study.trials[0]
    assert trial.params == {"width": 2, "rate": 3, "pool": 1, "bias": 0, "mixed": 1}
    kinds = {name: type(distribution) for name, distribution in trial.distributions.items()}
    assert [name for name, kind in kinds.items() if kind is IntDistribution] == ["width", "rate"]
    assert [name for name, kind in kinds.items() if kind is CategoricalDistribution] == ["pool", "bias", "mixed"]


def test_outcomes_arrive_and_draws_leave_no_candidates() -> None:
    study = SamplerStudy(counting_space(3), 0, "TPE", 10)
    for index in range(4):
        study.enter(index, study.draw(index, lambda _: False).choices[-1], {})
    study.observe(0, (0.5,))
    study.observe(1, None)
    study.abandon(2)
    candidates = [trial for trial in study._study.trials if trial.params]
    assert [trial.state for trial in candidates] == [
        TrialState.COMPLETE,
        TrialState.PRUNED,
        TrialState.FAIL,
        TrialState.RUNNING,
    ]
    assert candidates[0].value == 0.5
    assert {trial.state for trial in study._study.trials if not trial.params} == {TrialState.FAIL}


def test_what_trials_reached_at_rungs_arrives_in_optunas_own_terms() -> None:
    study = SamplerStudy(counting_space(4), 0, "TPE", 10)
    for index in range(5):
        study.enter(index, (0, 1, 2, index % 4), {})
    for index, value in ((0, 0.1), (1, 0.4), (2, 0.5), (3, 0.2), (4, 0.3)):
        study.report(index, 1, (value,))
    study.stop(0)
    study.report(1, 3, (1e200,))
    study.observe(1, (0.6,))
    study.report(2, 3, None)
    study.stop(2)
    study.observe(3, None)
    study.report(4, 3, (0.1,))
    study.stop(4)
    stopped, finished, diverged, infeasible, stopped_later = study._study.trials
    assert (stopped.state, stopped.intermediate_values, stopped.value) == (TrialState.PRUNED, {1: 0.1}, 0.1)
    assert finished.state is TrialState.COMPLETE
    assert (finished.intermediate_values, finished.value) == ({1: 0.4, 3: LARGEST_REWARD}, 0.6)
    for worst in (diverged, infeasible):
        assert (worst.state, worst.intermediate_values, worst.value) == (TrialState.PRUNED, {}, None)
    assert (stopped_later.intermediate_values, stopped_later.value) == ({1: 0.3, 3: 0.1}, 0.1)


def test_a_trial_that_was_put_aside_is_pruned_and_replaced_by_another_when_it_goes_on() -> None:
    study = SamplerStudy(counting_space(4), 0, "TPE", 10)
    for index in range(5):
        study.enter(index, (0, 1, 2, index % 4), {"note": index})
        study.report(index, 1, (0.1 * index,))
        study.pause(index)
    study.report(1, 3, (0.4,))
    study.pause(1)
    study.observe(1, (0.6,))
    study.observe(2, None)
    study.report(3, 3, None)
    study.pause(3)
    study.abandon(4)
    kept = [trial for trial in study._study.trials if trial.state is not TrialState.FAIL]
    assert [(trial.params["a4"], trial.system_attrs["note"]) for trial in kept] == [
        (0, 0),
        (0, 4),
        (1, 1),
        (2, 2),
        (3, 3),
    ]
    paused, abandoned, finished, infeasible, diverged = kept
    assert (paused.state, paused.intermediate_values, paused.value) == (TrialState.PRUNED, {1: 0.0}, 0.0)
    assert (abandoned.state, abandoned.intermediate_values) == (TrialState.PRUNED, {1: 0.4})
    assert (finished.state, finished.intermediate_values) == (TrialState.COMPLETE, {1: 0.1, 3: 0.4})
    assert finished.value == 0.6
    for worst in (infeasible, diverged):
        assert (worst.state, worst.intermediate_values, worst.value) == (TrialState.PRUNED, {}, None)
    with pytest.raises(UpdateFinishedTrialError):
        study._storage.set_trial_state_values(finished._trial_id, TrialState.FAIL)


def test_values_at_rungs_matter_to_tpe() -> None:
    proposed: list[list[dict[str, Value]]] = []
    for sign in (1, -1):
        agent = create_agent("Optuna", counting_space(6), 0, {"sampler": "TPE"})
        assert isinstance(agent, LearnsFromRungs)
        proposed.append([])
        for _ in range(20):
            proposal = agent.propose()
            proposed[-1].append(proposal.decisions)
            agent.observe_rung(proposal.index, 1, sign * sum(map(float, proposal.decisions.values())))
            agent.stop(proposal.index)
    assert proposed[0][:10] == proposed[1][:10]
    assert proposed[0] != proposed[1]


def test_cmaes_and_nsga2_keep_their_state_with_the_candidates() -> None:
    for sampler, key in (("CMAES", "cma:generation"), ("NSGAII", "NSGAIISampler:generation")):
        agent = create_agent("Optuna", counting_space(6), 0, {"sampler": sampler})
        play(agent, 110)
        trials = agent._study._study.trials  # type: ignore[attr-defined]
        generations = [trial.system_attrs.get(key, 0) for trial in trials if trial.state is TrialState.COMPLETE]
        assert generations == sorted(generations)
        assert generations[-1] >= 2


def test_a_missing_package_is_named_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "cmaes" else object())
    for refuse in (lambda: check_agent("Optuna", {}), lambda: create_agent("Optuna", counting_space(2))):
        with pytest.raises(InvalidManifest, match=r"^spec\.agent\.type: .*pip install 'evonas\[optuna\]', or choose "):
            refuse()
    check_agent("Random", {})


def test_optuna_is_imported_only_for_its_agents() -> None:
    program = """
import sys
from evonas.agents import check_agent, create_agent
from evonas.space import SearchSpace, Value
space = SearchSpace.parse([{"name": "a", "values": [1, 2]}])
check_agent("Optuna", {})
for type in ("Random", "EvoNAS", "Optuna"):
    create_agent(type, space)
    print(type, "optuna" in sys.modules)
"""
    output = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert output.splitlines() == ["Random False", "EvoNAS False", "Optuna True"]
