"""How a policy moved: derived from a record in one fold, and the same as what agents restored on the way would say."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evonas.agents import NO_EXPERIENCE, HasPolicy, composition, marginals
from evonas.errors import EvonasError
from evonas.recorded import policy_history as module
from evonas.recorded.policy_history import has_moved, policy_history
from evonas.search.lessons import new_agent, record_of
from evonas.search.trial import Trial
from evonas.spec import SearchSpec
from tests.unit.search.simulation import SPACE, simulate, write_run
from tests.unit.search.support import search_spec


def spec_of(type: str, objectives: list[dict[str, Any]] | None = None, **settings: Any) -> SearchSpec:
    return search_spec(
        searchSpace=SPACE,
        agent={"type": type, "seed": 5, "warmup": 4, **settings},
        budget={"maxTrials": 40},
        **({} if objectives is None else {"objectives": objectives}),
    )


def results_of(trials: list[Trial]) -> list[Trial]:
    return sorted((trial for trial in trials if trial.sequence is not None), key=lambda trial: trial.sequence or 0)


AGENTS: list[dict[str, Any]] = [
    {"type": "Neural"},
    {"type": "Neural", "policy": {"training": "REINFORCE"}},
    {"type": "EvoNAS"},
    {"type": "EvoNAS", "critic": {"model": "None"}},
]


OBJECTIVES: list[dict[str, Any]] = [{"metric": "accuracy"}, {"metric": "latency_ms", "goal": "Minimize"}]


@pytest.mark.parametrize("agent", AGENTS, ids=["Neural", "REINFORCE", "EvoNAS", "no critic"])
def test_moments_are_those_of_agents_restored_on_the_way(agent: dict[str, Any]) -> None:
    check_moments(spec_of(**agent))


@pytest.mark.parametrize("type", ["Neural", "EvoNAS"])
def test_moments_of_several_objectives_are_those_of_agents_restored_on_the_way(type: str) -> None:
    check_moments(spec_of(type, objectives=OBJECTIVES))


def check_moments(spec: SearchSpec) -> None:
    trials = simulate(spec)
    history = policy_history(spec, trials, moments=5)
    rewarded = [trial for trial in results_of(trials) if trial.reward is not None]
    assert [moment.rewards for moment in history] == sorted({round(step * len(rewarded) / 4) for step in range(5)})
    assert len({str(moment.marginals) for moment in history}) > 2
    for moment in history:
        last = rewarded[moment.rewards - 1].sequence or 0 if moment.rewards else 0
        seen = [trial for trial in trials if trial.sequence is not None and trial.sequence <= last]
        restored = new_agent(spec, NO_EXPERIENCE)
        restored.restore(record_of(spec, trial) for trial in seen)
        assert isinstance(restored, HasPolicy)
        expected = restored.policy_marginals()
        assert expected is not None
        assert expected.keys() == moment.marginals.keys()
        # The agents compute with PyTorch, the history without: what differs is rounding.
        for name, marginal in moment.marginals.items():
            assert marginal.exists == expected[name].exists
            assert marginal.values == pytest.approx(expected[name].values, rel=0, abs=1e-9)


def test_searches_whose_policy_does_not_learn_have_no_history() -> None:
    for agent in ("Random", "Evolution"):
        spec = spec_of(agent)
        trials = simulate(spec)
        assert not has_moved(trials)
        assert policy_history(spec, trials) == []
    assert has_moved(simulate(spec_of("Neural")))


def test_a_search_without_results_has_one_moment() -> None:
    assert [moment.rewards for moment in policy_history(spec_of("Neural"), [])] == [0]


def test_what_cannot_be_folded_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_of("Neural")
    trials = simulate(spec)
    strange = replace(trials[3], decisions={**trials[3].decisions, "blocks": 9})
    with pytest.raises(EvonasError, match="trial 3 cannot be of this search"):
        policy_history(spec, [*trials[:3], strange, *trials[4:]])
    monkeypatch.setattr(module, "MAX_RESULTS", 20)
    with pytest.raises(EvonasError, match="no more than 20 are folded"):
        policy_history(spec, trials)


def test_the_policy_is_asked_once_for_each_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def find_counted(*arguments: Any) -> Any:
        asked.append(arguments)
        return marginals.find_marginals(*arguments)

    monkeypatch.setattr(composition, "find_marginals", find_counted)
    spec = spec_of("Neural")
    assert len(policy_history(spec, simulate(spec))) == len(asked)


LOOKING_BACK = """
import sys
from evonas.extras import EXTRAS
from evonas.recorded.policy_history import policy_history
from evonas.sources.journal import JournalSource
from pathlib import Path
record = JournalSource(Path(sys.argv[1])).read()
EXTRAS["agents"] = ("no_such_module",)
assert len(policy_history(record.spec, record.trials)) > 2
assert "torch" not in sys.modules
"""


def test_a_record_is_looked_back_on_without_pytorch(tmp_path: Path) -> None:
    """Importing it takes longer than all else that a report needs, and whoever reads a record may not have it."""
    run = write_run(tmp_path, "run", agent="EvoNAS")
    subprocess.run([sys.executable, "-c", LOOKING_BACK, str(run)], check=True, timeout=300)
