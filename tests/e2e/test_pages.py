"""The pages' commands for a cluster, as a reader gives them, on a real node with the operator in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml

from evonas.domination import find_front, hypervolume
from harness.client import Cluster
from tests.chart.rendering import NAMESPACE, ROOT
from tests.command_line import shell_of
from tests.e2e.installed import follow, write_shorter
from tests.integration.searches import trials
from tests.shell_blocks import AS_IT_IS, FRONT, NODE, SCRIPT, TUTORIAL, Block, blocks_run_by, reader_folder
from tests.unit.docs.markdown import Page

pytestmark = [pytest.mark.node, pytest.mark.timeout(900)]
TROUBLES = Page(ROOT / "docs" / "troubleshooting.md")
SEARCH = "counting"

Give = Callable[..., str]


@pytest.fixture
def here(cluster: Cluster) -> Iterator[str]:
    """A namespace without Pod Security: the pages' own manifests are short."""
    with cluster.namespace("pages") as name:
        yield name


@pytest.fixture
def give(cluster: Cluster, here: str, tmp_path: Path) -> Give:
    """Give a block's commands, or others in its place, in a shell set to the namespace."""
    folder, variables = reader_folder(tmp_path), shell_of(cluster, here, tmp_path)

    def give(block: Block, text: str | None = None) -> str:
        for name, content in block.page.files().items():
            (folder / name).write_text(content, encoding="utf-8")
        return block.run(folder, variables, text)

    return give


def test_tutorial(cluster: Cluster, give: Give, tmp_path: Path) -> None:
    said = [give(block) for block in blocks_run_by(TUTORIAL)]
    assert "architecturesearch.evonas.dev/counting condition met" in said[2]
    assert "EVONAS_DECISIONS" in said[3]
    assert (tmp_path / "cluster.html").stat().st_size > 1000
    assert 'architecturesearch.evonas.dev "counting" deleted' in said[4]


def test_shell_trial_from_a_config_map(cluster: Cluster, give: Give, here: str) -> None:
    (block,) = blocks_run_by(SCRIPT)
    give(block)
    found = cluster.get("nas", "shell", here)["status"]["trials"]
    assert found["succeeded"] == found["total"] > 0


def test_program_as_it_is_is_searched_by_what_it_prints(
    cluster: Cluster, give: Give, here: str, tmp_path: Path
) -> None:
    (block,) = blocks_run_by(AS_IT_IS)
    shorter = write_shorter("as-it-is/search.yaml", tmp_path, trials=4)
    give(block, block.text.replace("examples/as-it-is/search.yaml", shorter.name))
    succeeded = {
        record["metadata"]["name"]: record
        for record in trials(cluster, here, "as-it-is")
        if record["status"]["state"] == "Succeeded"
    }
    assert succeeded
    # Not those of the stopped ones: their Jobs are deleted, and a pod may go between being listed and being read.
    logs = {
        trial: cluster.kubectl("logs", pod["metadata"]["name"], "-n", here)
        for pod in cluster.list("pods", here)
        if (trial := pod["metadata"]["labels"].get("evonas.dev/trial")) in succeeded
    }
    for name, record in succeeded.items():
        first, *_, last = logs[name].splitlines()
        decisions = record["spec"]["decisions"]
        assert f"hidden={decisions['hidden']}," in first
        assert float(last.partition("accuracy=")[2]) == float(record["status"]["reward"])
        # Each was compared with others on its way.
        assert [rung["step"] for rung in record["status"]["rungs"]] == [1, 3]


def test_search_with_two_objectives_ends_with_its_front(
    cluster: Cluster, give: Give, here: str, tmp_path: Path
) -> None:
    (block,) = blocks_run_by(FRONT)
    name = "nasbench201-front"
    shorter = write_shorter(f"{name}.yaml", tmp_path, trials=8)
    said = give(block, block.text.replace(f"examples/{name}.yaml", shorter.name))

    front = cluster.get("nas", name, here)["status"]["front"]
    results = [record["status"]["metrics"] for record in trials(cluster, here, name)]
    points = [(float(metrics["accuracy"]), -float(metrics["latency_ms"])) for metrics in results]
    within = np.array([point for point in points if point[0] >= 0.8 and point[1] >= -20])
    expected = within[find_front(within)]
    members = [(float(each["values"]["accuracy"]), -float(each["values"]["latency_ms"])) for each in front["members"]]
    assert members == sorted({tuple(point) for point in expected.tolist()}, reverse=True)
    assert front["size"] == len(members)
    assert float(front["hypervolume"]) == pytest.approx(hypervolume(expected, (0.8, -20)))
    # What people see of it.
    heading, row = (line for line in said.splitlines() if line.startswith(("NAME", f"{name} ")))
    shown = {column: row[heading.index(column) :].split()[0] for column in ("FRONT", "HYPERVOLUME")}
    assert shown == {"FRONT": str(front["size"]), "HYPERVOLUME": front["hypervolume"]}


def test_commands_of_the_pages_run(cluster: Cluster, give: Give, here: str) -> None:
    body = yaml.safe_load((ROOT / "examples" / f"{SEARCH}.yaml").read_text())
    body["spec"]["budget"] = {"maxTrials": 4, "parallelTrials": 4}
    body["spec"]["confirm"] = {"top": 1, "repeats": 2}
    cluster.apply(yaml.safe_dump(body), here)
    follow(cluster, here, SEARCH, timeout=300)
    names = {
        "OPERATOR_NAMESPACE": NAMESPACE,
        "NAMESPACE": here,
        "TRIAL": trials(cluster, here)[0]["metadata"]["name"],
        "SEARCH": SEARCH,
        "nas/digits-cnn": f"nas/{SEARCH}",
    }

    def named(text: str) -> str:
        for placeholder, name in names.items():
            text = text.replace(placeholder, name)
        return text

    for block in blocks_run_by(NODE):
        give(block, named(block.text))
    cells = [cell for cell in TROUBLES.last_cells() if cell.startswith(("kubectl ", "evonas "))]
    assert len(cells) > 15
    # What the page says of a run on the reader's machine is no command for a cluster.
    of_cluster = [cell for cell in cells if not cell.startswith("evonas run") and " runs/" not in cell]
    for cell in dict.fromkeys(of_cluster):
        give(Block(TROUBLES, cell), named(cell))
    cluster.kubectl("rollout", "status", "deployment/evonas-operator", "-n", NAMESPACE, "--timeout=120s")
