"""The optional parts: the table against what is declared, the line for who lacks one, and that nobody pays for it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from typing import Any

import pytest
from packaging.requirements import Requirement

from evonas import extras
from evonas.agents import check_agent
from evonas.errors import InvalidManifest
from evonas.extras import EXTRAS, MissingExtra, cure, lacks, require
from tests.unit.commands.conftest import Evonas
from tests.unit.docs.markdown import ROOT, Page

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DECLARED: dict[str, list[str]] = PROJECT["optional-dependencies"]
OURS = {"bench", "dev", "frameworks"}
"""For those who work on the project."""

HEAVY = (
    "aiohttp",
    "jinja2",
    "kopf",
    "kubernetes",
    "matplotlib",
    "mlflow",
    "optuna",
    "pandas",
    "prometheus_client",
    "scipy",
    "torch",
)


COMMANDS = sorted(path.stem for path in (ROOT / "operator" / "evonas" / "commands").glob("[a-z]*.py"))


def distributions_of(extra: str) -> set[str]:
    """Return the normalised names of what an extra installs, those of the extras that it includes too."""
    found = set()
    for requirement in map(Requirement, DECLARED[extra]):
        if requirement.name == "evonas":
            found |= {name for included in requirement.extras for name in distributions_of(included)}
        else:
            found.add(_normalised(requirement.name))
    return found


def test_each_extra_is_known_by_modules_that_it_installs() -> None:
    assert EXTRAS.keys() <= DECLARED.keys() - OURS
    # A trial's container has the training programs, and imports none of this package.
    assert DECLARED.keys() - OURS - EXTRAS.keys() == {"all", "trial"}
    providers = packages_distributions()
    for extra, modules in EXTRAS.items():
        provided = {_normalised(name) for module in modules for name in providers[module]}
        assert provided == distributions_of(extra), extra


def test_all_is_everything_of_the_product() -> None:
    whole = {name for extra in DECLARED.keys() - OURS for name in distributions_of(extra)}
    assert distributions_of("all") == whole


def test_the_page_has_every_extra() -> None:
    named = set(Page(ROOT / "docs" / "install.md").first_cells("Extra"))
    assert named == DECLARED.keys() - OURS


def test_a_missing_extra_is_one_line_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    for extra in EXTRAS:
        require(extra, "this")
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "kopf" else object())
    assert [extra for extra in EXTRAS if lacks(extra)] == ["operator"]
    said = "^the operator needs packages that are not installed here: pip install 'evonas\\[operator\\]'$"
    with pytest.raises(MissingExtra, match=said):
        require("operator", "the operator")
    assert cure("optuna", "agents") == "pip install 'evonas[agents,optuna]'"


def test_an_agent_that_learns_needs_torch_only_where_it_learns(evonas: Evonas, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "torch" else object())
    still: dict[str, Any] = {"critic": {"model": "None"}, "policy": {"training": "None"}}
    for agent, settings in (
        ("Random", {}),
        ("Evolution", {}),
        ("EvoNAS", still),
        ("Neural", still),
        ("Optuna", {}),
    ):
        check_agent(agent, settings)
    for agent, settings, extra in (
        ("EvoNAS", {}, "agents"),
        ("EvoNAS", {"critic": {"model": "None"}}, "agents"),
        ("EvoNAS", {"policy": {"training": "None"}}, "agents"),
        ("Neural", {}, "agents"),
        ("Optuna", {"sampler": "GP"}, "agents,optuna"),
    ):
        with pytest.raises(InvalidManifest) as refused:
            check_agent(agent, settings)
        (problem,) = refused.value.problems
        assert problem.field == "spec.agent.type"
        assert problem.problem.endswith(f": {cure(*extra.split(','))}, or choose Evolution or Random")
    code, _, err = evonas("run", str(ROOT / "examples" / "counting.yaml"))
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith(
        "error: spec.agent.type: EvoNAS learns with PyTorch, which is not installed here: pip install"
    )


@pytest.mark.parametrize(
    "module",
    [
        "evonas",
        "evonas.cli",
        # The operator needs what it imports.
        *(f"evonas.commands.{name}" for name in COMMANDS if name != "operator"),
        "evonas_trial.report",
    ],
)
def test_what_is_imported_brings_nothing_heavy_with_it(module: str) -> None:
    program = f"import sys, {module}; print(*(name for name in {HEAVY} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "\n"


def test_help_needs_neither_numpy_nor_a_manifest(evonas: Evonas) -> None:
    program = (
        "import sys; sys.modules |= dict.fromkeys(('numpy', 'jsonschema', 'yaml', 'rich'));"
        " sys.argv = ['evonas', '--help']; from evonas.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert "Run or resume a search on this machine." in done.stdout


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
