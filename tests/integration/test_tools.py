"""The tools of the command line on a real control plane: what they read there, with a kubeconfig alone."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from harness.client import Cluster
from tests.command_line import evonas
from tests.integration.searches import trials, wait_until
from tests.operator_process import OperatorProcess, search
from tests.unit.docs.markdown import ROOT, Page

pytestmark = pytest.mark.kwok
NAME, TRIALS = "counting", 12


@dataclass(frozen=True)
class Finished:
    """A search that a real operator has brought to its end."""

    cluster: Cluster
    namespace: str

    def evonas(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command on the search's namespace."""
        return evonas(self.cluster, self.namespace, *words)


@pytest.fixture(scope="module")
def finished(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    with cluster.namespace(kept=True) as namespace:
        operator = OperatorProcess(cluster, tmp_path_factory.mktemp("operator") / "operator.log", [namespace])
        operator.start()
        cluster.apply(yaml.safe_dump(search(NAME, budget={"maxTrials": TRIALS})), namespace)
        wait_until(cluster, namespace, NAME, "Complete")
        assert operator.stop() == 0
        yield Finished(cluster, namespace)


def test_get_and_watch(finished: Finished) -> None:
    listed = finished.evonas("get")
    assert listed.returncode == 0, listed.stderr
    (line,) = (line.split() for line in listed.stdout.splitlines() if NAME in line)
    assert line[:5] == [finished.namespace, NAME, "Complete", "Evolution", f"{TRIALS}/{TRIALS}"]
    watched = finished.evonas("watch", NAME)
    assert (watched.returncode, watched.stderr) == (0, "")
    assert watched.stdout.startswith(f"{finished.namespace}/{NAME}: Complete")


def test_words_of_kubectl_are_understood(finished: Finished) -> None:
    name = f"architecturesearch.evonas.dev/{NAME}\n"
    assert finished.cluster.kubectl("get", "nas", "-o", "name", "-n", finished.namespace) == name
    assert finished.evonas("get", "-o", "name").stdout == name
    finished.cluster.kubectl("label", "nas", NAME, "team=vision", "-n", finished.namespace)
    assert finished.evonas("get", "-l", "team in (vision)", "-o", "name").stdout == name
    assert finished.evonas("get", "-l", "team!=vision", "-o", "name").stdout == ""
    refused = finished.evonas("get", "-l", "team=a=b")
    assert (refused.returncode, "found '='" in refused.stderr) == (2, True), refused.stderr
    (body,) = json.loads(finished.evonas("get", "-o", "json").stdout)["items"]
    assert body["status"] == finished.cluster.get("nas", NAME, finished.namespace)["status"]
    for kind in ("nas", "architecturesearch.evonas.dev"):
        assert finished.evonas("best", f"{kind}/{NAME}").returncode == 0
    with finished.cluster.namespace() as other:
        finished.cluster.apply(yaml.safe_dump(search("elsewhere", suspend=True)), other)
        said = finished.evonas("get", "-A", "-o", "wide")
    lines = {tuple(line.split()[:2]) for line in said.stdout.splitlines()}
    assert {(other, "elsewhere"), (finished.namespace, NAME)} <= lines


def test_get_prints_what_kubectl_prints(finished: Finished) -> None:
    body, *records = json.loads(finished.evonas("get", NAME, "-o", "json").stdout)["items"]
    theirs = finished.cluster.get("nas", NAME, finished.namespace)
    assert (body["spec"], body["status"]) == (theirs["spec"], theirs["status"])
    kept = trials(finished.cluster, finished.namespace)
    assert [(mine["spec"], mine["status"]) for mine in records] == [(body["spec"], body["status"]) for body in kept]


def test_best_is_the_one_of_the_status(finished: Finished) -> None:
    best = finished.cluster.get("nas", NAME, finished.namespace)["status"]["best"]
    found = finished.evonas("best", NAME)
    assert json.loads(found.stdout) == best["decisions"]
    assert found.stderr.startswith(f"trial {best['index']} with reward ")


def test_versions_are_in_the_status(finished: Finished) -> None:
    (noted,) = finished.cluster.get("nas", NAME, finished.namespace)["status"]["environments"]
    assert noted["fromTrial"] == 0
    assert {"python", "evonas", "numpy"} <= noted["versions"].keys()


def test_export_replay_and_explain(finished: Finished, tmp_path: Path) -> None:
    file = tmp_path / "tools.jsonl"
    assert finished.evonas("export", NAME, "--to", str(file)).stdout == f"wrote {file}: {TRIALS} trials\n"
    header, body, *records, _ = map(json.loads, file.read_text().splitlines())
    assert header["source"] == f"{finished.namespace}/{NAME}"
    assert body["metadata"]["uid"]
    assert [record["spec"]["index"] for record in records] == list(range(TRIALS))
    replayed = finished.evonas("replay", NAME)
    assert replayed.stdout.startswith(f"all {TRIALS} proposals of {finished.namespace}/{NAME} are the same"), replayed
    explained = finished.evonas("explain", NAME, str(TRIALS - 1))
    assert (explained.returncode, explained.stderr) == (0, "")
    assert f"trial {TRIALS - 1} of {finished.namespace}/{NAME}: Succeeded with reward" in explained.stdout


def test_report(finished: Finished, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    assert finished.evonas("report", NAME, "--to", str(page)).stdout == f"wrote {page}\n"
    text = page.read_text()
    assert f"{finished.namespace}/{NAME}: Complete" in text
    assert f">{TRIALS}/{TRIALS}<" in text


def test_commands_of_the_page_run(finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    _, block = Page(ROOT / "docs" / "tools.md").fences("sh")
    for line in block.splitlines():
        _, *words = line.split()
        # The operator has done its work and is gone, which the two that look at the installation do not like. Another
        # test's may serve all namespaces.
        looks = words[0] in ("plan", "doctor")
        said = finished.evonas(*words, *(("--operator-namespace", finished.namespace) if looks else ()))
        assert said.returncode == looks, (line, said.stdout, said.stderr)
        assert said.stdout
        assert said.stderr == "" or words[0] == "best"


def test_what_the_cluster_lacks_is_said_in_one_line(finished: Finished) -> None:
    missing = finished.evonas("best", "nobody")
    assert missing.returncode == 2
    assert missing.stderr.startswith("error: nobody: the cluster at http")
    assert missing.stderr.count("\n") == 1
    finished.cluster.kubectl("delete", "jobs", "--all", "-n", finished.namespace, "--wait=true")
    finished.cluster.wait_for("no pods", lambda: not finished.cluster.list("pods", finished.namespace))
    gone = finished.evonas("logs", NAME, "0")
    assert gone.returncode == 2
    assert gone.stderr.startswith("error: attempt 1 of trial 0 no longer has a pod")
