"""Which test runs each shell block of the documentation; `unit/docs/test_shell_blocks.py` holds this list to the pages.

A block is known by how it begins. Where a block names what the reader has (SEARCH, NAMESPACE), a test puts its own
names there. A block that is a file of its page (`# train.py`, `#!/bin/sh`) is none of these: commands use it.

A `text` block right after a shell block is a sample of what that prints: all of its standard output, line by line. What
varies from run to run, or does not matter, is `…`: within a line any text, as a line of its own any lines, or none.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.unit.docs.markdown import PAGES, ROOT, Page

LOCAL = "tests/unit/docs/test_pages_here.py::test_commands_run_in_the_order_of_the_pages"
NODE = "tests/e2e/test_pages.py::test_commands_of_the_pages_run"
TUTORIAL = "tests/e2e/test_pages.py::test_tutorial"
SCRIPT = "tests/e2e/test_pages.py::test_shell_trial_from_a_config_map"
MANY_PODS = "tests/e2e/test_many_pods.py::test_commands_of_the_page_run"
AS_IT_IS = "tests/e2e/test_pages.py::test_program_as_it_is_is_searched_by_what_it_prints"
FRONT = "tests/e2e/test_pages.py::test_search_with_two_objectives_ends_with_its_front"
PAGE = "tests/e2e/test_release.py::test_the_page_is_reached_by_port_forward_and_changes_nothing"
HELM = "tests/chart/test_install_page.py::test_commands_run"
CONTRACT = "tests/unit/docs/test_documentation.py"
TOOLS = "tests/unit/commands/test_tools_page.py::test_commands_for_this_machine_run"

REUSE = "tests/integration/test_reuse.py::test_commands_of_the_page_run"
REUSE_HERE = "tests/unit/commands/test_reuse_page.py::test_commands_for_this_machine_run"

CI = "run by .ci/run"
"""What every run of the tests begins with."""
HARNESS = "run by the fixtures of tests/e2e/conftest.py"
"""The same Dockerfiles and the same chart, by buildah and `helm upgrade --install --wait`, on a real node."""

COMPARING = {LOCAL, NODE, TUTORIAL, FRONT, REUSE, HELM}
"""The tests that run whole blocks, and compare what these print with the samples."""

ANYTHING, _ANY_LINES = "…", r"(?:.*\n)*"

RUN_BY: dict[str, dict[str, str]] = {
    "README.md": {
        "make run": CI,
        "helm install": HARNESS,
    },
    "docs/tutorial.md": {
        "make env": CI,
        "evonas plan": LOCAL,
        "evonas run": LOCAL,
        "evonas best runs/counting": LOCAL,
        "make cluster-run": HARNESS,
        "evonas doctor": TUTORIAL,
        "kubectl apply": TUTORIAL,
        "kubectl wait": TUTORIAL,
        "evonas best counting -o pod": TUTORIAL,
        "kubectl delete": TUTORIAL,
    },
    "docs/writing-a-trial.md": {
        "evonas run polynomial.yaml": LOCAL,
        "evonas run shell.yaml": LOCAL,
        "kubectl create configmap program": SCRIPT,
        "python examples/as-it-is/train.py": LOCAL,
        "evonas run examples/as-it-is/search.yaml": LOCAL,
        "kubectl create configmap as-it-is": AS_IT_IS,
        "CGO_ENABLED=0 go build": LOCAL,
    },
    "docs/search-spaces.md": {"evonas plan": LOCAL},
    "docs/choosing-an-agent.md": {"evonas run": LOCAL},
    "docs/several-objectives.md": {
        "evonas run": LOCAL,
        "evonas best": LOCAL,
        "kubectl apply": FRONT,
    },
    "docs/many-pods.md": {"kubectl apply": MANY_PODS},
    "docs/cost.md": {
        "evonas plan": LOCAL,
        "evonas report": LOCAL,
    },
    "docs/trial-programs.md": {
        "python -m evonas_trial cnn --help": LOCAL,
        "python -m evonas_trial cnn --decisions": "tests/trial_image/test_trial_winner.py",
    },
    "docs/spiking.md": {"EVONAS_DECISIONS=": LOCAL},
    "docs/trial-contract.md": {
        "python -m evonas_trial.report": f"{CONTRACT}::test_report_in_the_contract_is_one",
        "EVONAS_DECISIONS=": f"{CONTRACT}::test_trial_by_hand_runs",
    },
    "docs/tools.md": {
        "evonas plan examples/counting.yaml --no-cluster": TOOLS,
        "evonas plan examples/counting.yaml\n": "tests/integration/test_tools.py::test_commands_of_the_page_run",
    },
    "docs/ui.md": {
        "pip install": "tests/packaging/test_extras.py::test_an_extra_alone_is_enough",
        "helm upgrade": HELM,
        "kubectl port-forward": PAGE,
    },
    "docs/exposing-the-page.md": {
        "kubectl port-forward": PAGE,
        "helm upgrade": HELM,
    },
    "docs/install.md": {
        "docker build": HARNESS,
        "kubectl apply": TUTORIAL,
        "helm install evonas charts/evonas --namespace team-a --set 'watchNamespaces={team-a,team-b}'": HELM,
        "helm template evonas charts/evonas --show-only": HELM,
        "helm install evonas charts/evonas --namespace team-a --set 'watchNamespaces={team-a}'": HELM,
        "helm install evonas charts/evonas --namespace evonas-system": HELM,
        "helm template evonas charts/evonas --namespace evonas-system": HELM,
        "helm upgrade": HELM,
        "helm uninstall": HELM,
        "kubectl delete crd": HELM,
    },
    "docs/report.md": {"evonas report": LOCAL},
    "docs/reuse.md": {
        "evonas export": REUSE,
        "evonas run": REUSE_HERE,
        "evonas enqueue": REUSE,
        "evonas veto": REUSE,
        "evonas pin": REUSE,
        "kubectl get": REUSE,
    },
    "docs/learning-from-earlier-searches.md": {
        "evonas run": "tests/unit/commands/test_learning_page.py::test_commands_run_and_say_what_the_page_shows",
    },
    "docs/confirmation.md": {"kubectl get": NODE},
    "docs/queues.md": {"kubectl apply": "tests/integration/test_queues.py::test_commands_of_the_page_run"},
    "docs/troubleshooting.md": {"evonas doctor": NODE},
    "docs/contributing.md": {
        "make check": CI,
        ".venv/bin/pytest": LOCAL,
    },
    "docs/runbooks/agent-collapsed.md": {"kubectl get": NODE, "kubectl patch": NODE},
    "docs/runbooks/budget-nearly-used.md": {"kubectl get": NODE, "kubectl patch": NODE},
    "docs/runbooks/checkpoints-lost.md": {"kubectl get": NODE},
    "docs/runbooks/no-leader.md": {"kubectl get": NODE},
    "docs/runbooks/reconcile-errors.md": {"kubectl logs": NODE},
    "docs/runbooks/results-missing.md": {"kubectl get": NODE},
    "docs/runbooks/reward-flat.md": {"kubectl get": NODE, "kubectl patch": NODE},
    "docs/runbooks/search-failed.md": {"kubectl get": NODE, "kubectl patch": NODE},
    "docs/runbooks/search-stalled.md": {"kubectl get": NODE},
    "docs/runbooks/trials-fail-alike.md": {"kubectl get": NODE, "kubectl patch": NODE},
    "docs/runbooks/watch-silent.md": {"kubectl logs": NODE, "kubectl rollout": NODE},
    "examples/README.md": {"evonas run": LOCAL},
}
"""By page: how each of its blocks begins, and the test that runs it."""


@dataclass(frozen=True)
class Block:
    """A shell block, and the sample of what it prints: empty where its page shows none."""

    page: Page
    text: str
    prints: str = ""

    def __str__(self) -> str:
        return f"{self.page}: {self.text.splitlines()[0]}"

    def runners(self) -> list[str]:
        """Return the tests that are said to run it: one, if the list is right."""
        return [test for begins, test in RUN_BY.get(str(self.page), {}).items() if self.text.startswith(begins)]

    def run(self, folder: Path, environment: Mapping[str, str], text: str | None = None) -> str:
        """Run the block in a shell that stops at the first failure; return what it printed."""
        done = subprocess.run(
            ["sh", "-ec", self.text if text is None else text],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
        assert done.returncode == 0, f"{self}\n{done.stdout}\n{done.stderr}"
        if self.prints:
            assert is_sample_of(self.prints, done.stdout), f"{self} printed\n{done.stdout}\nand not\n{self.prints}"
        return done.stdout


def is_sample_of(sample: str, printed: str) -> bool:
    """Say whether a page's sample is what a command printed; blanks at the end of a line do not matter."""
    lines = (_ANY_LINES if line == ANYTHING else _pattern(line) for line in _stripped(sample))
    return re.fullmatch("".join(lines), "".join(f"{line}\n" for line in _stripped(printed))) is not None


def _pattern(line: str) -> str:
    return ".*".join(map(re.escape, line.split(ANYTHING))) + r"\n"


def _stripped(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


def blocks_of(page: Page) -> list[Block]:
    """Return the page's shell blocks, in their order."""
    fences, files = page.blocks(), page.files().values()
    followers = [*fences[1:], ("", "")]
    return [
        Block(page, content, prints if kind == "text" else "")
        for (language, content), (kind, prints) in zip(fences, followers, strict=False)
        if language == "sh" and content not in files and not content.startswith("#!")
    ]


def blocks_run_by(test: str) -> list[Block]:
    """Return the blocks that a test is said to run, in the order of the list and of their pages."""
    pages = {str(page): page for page in PAGES}
    return [block for name in RUN_BY for block in blocks_of(pages[name]) if block.runners() == [test]]


def environment(**variables: str) -> dict[str, str]:
    """Return this process's environment, with the programs of its Python first."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"}
    return {**kept, "PATH": path, **variables}


def reader_folder(folder: Path) -> Path:
    """Make a folder that looks like a checkout to a page's commands."""
    for name in ("charts", "crds", "examples", "harness", "pyproject.toml", "tests"):
        (folder / name).symlink_to(ROOT / name)
    return folder
