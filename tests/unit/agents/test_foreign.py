"""Agents of other packages: the one in docs/your-own-agent.md, installed as its page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from evonas.agents import check_agent, create_agent
from evonas.errors import InvalidManifest

from .support import counting_space, play

PAGE = Path(__file__).parents[3] / "docs" / "your-own-agent.md"


def blocks(language: str) -> list[str]:
    """Return the page's code of one language."""
    page = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


AGENT, TESTS = blocks("python")
(ENTRY_POINT,) = blocks("toml")


def install(folder: Path, module: str, code: str, entry_points: dict[str, str]) -> None:
    """Lay a package out as pip does."""
    (folder / f"{module}.py").write_text(code, encoding="utf-8")
    metadata = folder / f"{module}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    lines = [f"{name} = {value}\n" for name, value in entry_points.items()]
    (metadata / "entry_points.txt").write_text("[evonas.agents]\n" + "".join(lines))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "near", raising=False)
    declared = tomllib.loads(ENTRY_POINT)["project"]["entry-points"]["evonas.agents"]
    install(tmp_path, "near", AGENT, declared)
    return tmp_path


def problems(type: str, settings: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(InvalidManifest) as caught:
        create_agent(type, counting_space(3), 0, {"settings": settings})
    return {each.field: each.problem for each in caught.value.problems}


@pytest.mark.usefixtures("site")
def test_an_installed_agent_is_found_by_its_name() -> None:
    check_agent("NearTheBest", {"warmup": 10, "settings": {"draws": 5}})
    agent = create_agent("NearTheBest", counting_space(4), 3, {"settings": {"draws": 5}})
    assert type(agent).__name__ == "NearTheBest"
    assert len({str(proposal.decisions) for proposal in play(agent, 30)}) == 30


def test_the_agent_of_the_page_passes_the_tests_of_the_page(site: Path) -> None:
    (site / "test_near.py").write_text(TESTS, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), *sys.path])}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_near.py"]
    ended = subprocess.run(command, cwd=site, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout
    assert " passed" in ended.stdout


@pytest.mark.usefixtures("site")
def test_settings_are_the_agents_to_refuse() -> None:
    assert problems("NearTheBest", {"draw": 5}) == {
        "spec.agent.settings": "must be {draws: a whole number above 0}, got {'draw': 5}"
    }


@pytest.mark.usefixtures("site")
def test_an_unknown_type_is_told_what_is_known_and_what_to_do() -> None:
    problem = problems("Genetic", {})["spec.agent.type"]
    assert "must be one of Random, Evolution, Neural, EvoNAS, Optuna, NearTheBest, got 'Genetic'" in problem
    assert "install that package beside evonas" in problem


@pytest.mark.parametrize(
    ("type", "sampler"),
    [("CMAES", "CMAES"), ("TPE", "TPE"), ("TPESampler", "TPE"), ("NSGA2", "NSGAII"), ("CmaEsSampler", "CMAES")],
)
def test_a_sampler_in_place_of_a_type_is_told_to_be_one(type: str, sampler: str) -> None:
    problem = problems(type, {})["spec.agent.type"]
    assert problem.endswith(f"got {type!r}, a sampler of Optuna: write {{type: Optuna, sampler: {sampler}}}")


SEVERAL = """
from near import NearTheBest

class Several(NearTheBest):
    takes_objectives = True

    def __init__(self, space, seed, settings, objectives):
        super().__init__(space, seed, settings)
        self.objectives = objectives
"""


def test_an_agent_that_does_not_take_several_objectives_is_refused_them(site: Path) -> None:
    install(site, "several", SEVERAL, {"Several": "several:Several"})
    with pytest.raises(
        InvalidManifest, match=r"^spec\.objectives: .*'NearTheBest' has one objective: give spec.objective"
    ):
        create_agent("NearTheBest", counting_space(3), 0, objectives=2)
    for objectives in (1, 3):
        agent = create_agent("Several", counting_space(3), 0, objectives=objectives)
        assert agent.objectives == objectives  # type: ignore[attr-defined]


def test_a_broken_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    install(tmp_path, "broken", "", {"Broken": "broken:Agent", "Lost": "lost_module:Agent"})
    for type, value in (("Broken", "broken:Agent"), ("Lost", "lost_module:Agent")):
        check_agent(type, {})
        assert f"{type!r} is declared as {value}, which cannot be loaded" in problems(type, {})["spec.agent.type"]


def test_a_built_in_agent_cannot_be_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    install(tmp_path, "thief", "def Agent(*_):\n    raise AssertionError\n", {"Random": "thief:Agent"})
    assert create_agent("Random", counting_space(3)).propose().origin == "random"
    assert "Random, Evolution, Neural, EvoNAS, Optuna, got" in problems("Other", {})["spec.agent.type"]
