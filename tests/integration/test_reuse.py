"""What a search takes over from others, and candidates by hand, on the real control plane."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from evonas.local.journal import open_journal
from evonas.search.names import SEARCH_LABEL
from evonas.search.trial import ProposalRecord, Trial
from evonas.space import Value
from harness.client import Cluster
from tests.command_line import evonas, shell_of
from tests.earlier import KEY, NAME, export_of
from tests.integration.searches import condition, events_of, trials, wait_for_release, wait_until
from tests.operator_process import OperatorProcess, search
from tests.shell_blocks import REUSE, blocks_run_by, reader_folder

pytestmark = [pytest.mark.kwok, pytest.mark.usefixtures("operator")]
Apply = Callable[[dict[str, Any]], None]


def test_results_of_another_search_are_taken_over_once_it_is_complete(
    cluster: Cluster, namespace: str, apply: Apply
) -> None:
    budget = {"maxTrials": 6, "parallelTrials": 2}
    apply(search("second", budget=budget, agent={"seed": 4, "warmup": 2}, warmStart={"search": "first"}))
    refused = cluster.wait_for(
        "the refusal", lambda: condition(cluster.get("nas", "second", namespace), "Accepted") or None, 180
    )
    assert refused is not None
    assert (refused["status"], refused["reason"]) == ("False", "WarmStartUnusable")
    assert "there is no search first" in refused["message"]
    assert condition(cluster.get("nas", "second", namespace), "Stalled")["status"] == "False"
    apply(search("first", budget=budget))
    wait_until(cluster, namespace, "first", "Complete")
    body = wait_until(cluster, namespace, "second", "Complete")

    first, second = trials(cluster, namespace, "first"), trials(cluster, namespace, "second")
    assert [trial["spec"]["proposal"]["origin"] for trial in second[:6]] == ["imported"] * 6
    learned = sorted(first, key=lambda trial: int(trial["status"]["sequence"]))
    for mine, theirs in zip(second, learned, strict=False):
        assert mine["spec"]["decisions"] == theirs["spec"]["decisions"]
        assert mine["status"]["reward"] == theirs["status"]["reward"]
        assert mine["spec"]["imported"]["trial"] == theirs["spec"]["index"]
        assert mine["status"]["message"] == f"result of trial {theirs['spec']['index']} of search first"
    own = second[6:]
    assert [trial["status"]["sequence"] for trial in second[:6]] == [1, 2, 3, 4, 5, 6]
    assert len(own) == 6
    # The agent begins as one that has seen six results.
    assert {trial["spec"]["proposal"]["origin"] for trial in own} == {"mutation"}
    assert own[0]["spec"]["proposal"]["observedUpTo"] == 6
    ran = {job["metadata"]["ownerReferences"][0]["name"] for job in cluster.list("jobs", namespace)}
    assert ran == {trial["metadata"]["name"] for trial in (*first, *own)}
    assert body["status"]["trials"]["total"] == 6
    assert body["status"]["warmStart"] == {
        "imported": 6,
        "message": "6 results of search first were imported",
    }
    replayed = evonas(cluster, namespace, "replay", "second")
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    explained = evonas(cluster, namespace, "explain", "second", "0").stdout
    assert "imported from search first" in " ".join(explained.split())


def test_a_file_in_a_config_map_and_candidates_by_hand(
    cluster: Cluster, namespace: str, apply: Apply, operator: OperatorProcess, tmp_path: Path
) -> None:
    apply(export_of(5))
    body = search(
        "warm",
        budget={"maxTrials": 12, "parallelTrials": 1},
        warmStart={"configMap": {"name": NAME, "key": KEY}, "candidates": [{"a1": 5, "a2": 5, "a3": 5}]},
    )
    body["spec"]["trial"]["template"]["metadata"] = {"annotations": {"evonas-test/duration": "1h"}}
    apply(body)
    cluster.wait_for("the listed one", lambda: len(trials(cluster, namespace)) == 6, 180)
    for file, message in (
        ([{"a1": 5, "a2": 5, "a3": 5}], "trial 5 has it"),
        ([{"a1": 1, "a2": 1, "a3": 1}], "trial 0 has it, Succeeded with reward 0.01"),
        ([{"a1": 1, "a2": 1}], "decision 'a3' is missing"),
        ([{"a1": 1, "a2": 1, "a3": 9}], "has no value 9"),
    ):
        (tmp_path / "candidates.json").write_text(json.dumps(file))
        refused = evonas(cluster, namespace, "enqueue", "warm", str(tmp_path / "candidates.json"))
        assert refused.returncode == 2
        assert message in refused.stderr
    (tmp_path / "candidates.yaml").write_text(
        yaml.safe_dump([{"a1": 4, "a2": 5, "a3": 5}, {"a1": 5, "a2": 4, "a3": 5}])
    )
    done = evonas(cluster, namespace, "enqueue", "warm", str(tmp_path / "candidates.yaml"))
    assert done.returncode == 0, done.stderr
    one = evonas(cluster, namespace, "enqueue", "warm", *(f"--decision=a{place}=3" for place in (1, 2, 3)))
    assert one.returncode == 0, one.stderr
    listed = cluster.get("nas", "warm", namespace)["spec"]["warmStart"]["candidates"]
    assert [list(candidate.values()) for candidate in listed] == [[5, 5, 5], [4, 5, 5], [5, 4, 5], [3, 3, 3]]
    # The source is read no more once it was taken over.
    cluster.kubectl("delete", "configmap", NAME, "-n", namespace)
    # An operator that starts again goes on in the same order.
    operator.kill()
    operator.start()
    patch = json.dumps({"spec": {"budget": {"parallelTrials": 5}}})
    cluster.kubectl("patch", "nas", "warm", "-n", namespace, "--type=merge", "-p", patch)
    cluster.wait_for("five slots taken", lambda: len(trials(cluster, namespace)) >= 10, 180)
    origins = [trial["spec"]["proposal"]["origin"] for trial in trials(cluster, namespace)[:10]]
    assert origins == ["imported"] * 5 + ["listed"] * 4 + [origins[-1]]
    assert origins[-1] in ("random", "mutation")


LETTERS = [{"name": "a1", "values": [1, 2, 3, 4, 5, 6]}]


def test_what_another_search_of_the_namespace_has_trained_is_not_trained_again(
    cluster: Cluster, namespace: str, apply: Apply, operator: OperatorProcess
) -> None:
    some = {"maxTrials": 4, "parallelTrials": 2}
    apply(search("first", searchSpace=LETTERS, budget=some))
    wait_until(cluster, namespace, "first", "Complete")
    # What is known comes from the objects alone.
    operator.kill()
    operator.start()
    every: dict[str, Any] = {"searchSpace": LETTERS, "budget": {"maxTrials": 6, "parallelTrials": 3}}
    agent = {"type": "Random", "seed": 8}
    apply(search("second", **every, agent=agent, reuseResults="Namespace", confirm={"top": 1, "repeats": 1}))
    body = wait_until(cluster, namespace, "second", "Complete")
    first = {trial["spec"]["decisions"]["a1"]: trial for trial in trials(cluster, namespace, "first")}
    second = trials(cluster, namespace, "second")
    reused = [trial for trial in second if "reusedFrom" in trial["spec"]]
    assert len(reused) == body["status"]["reusedTrials"] == 4
    for trial in reused:
        theirs = first[trial["spec"]["decisions"]["a1"]]
        assert trial["spec"]["reusedFrom"]["searchRef"] == theirs["spec"]["searchRef"]
        assert trial["spec"]["reusedFrom"]["index"] == theirs["spec"]["index"]
        assert {key: trial["status"][key] for key in ("state", "reward", "reason", "message", "gpuSeconds")} == {
            "state": "Succeeded",
            "reward": theirs["status"]["reward"],
            "reason": "Reused",
            "message": f"result of trial {theirs['metadata']['name']} of search first",
            "gpuSeconds": 0,
        }
        fingerprint = f"status.fingerprint={theirs['status']['fingerprint']}"
        same = {body["metadata"]["name"] for body in cluster.list("nastrial", namespace, fields=fingerprint)}
        assert {trial["metadata"]["name"], theirs["metadata"]["name"]} <= same
    assert sorted(trial["status"]["sequence"] for trial in second[:6]) == [1, 2, 3, 4, 5, 6]
    # The two that nobody had trained, and the confirmation, whatever it confirms.
    assert _jobs(cluster, namespace, "second") == {
        trial["metadata"]["name"] for trial in second if "reusedFrom" not in trial["spec"]
    }
    assert len(_jobs(cluster, namespace, "second")) == 3
    assert len(events_of(cluster, namespace, "ResultsReused")) == 1
    assert (
        f'evonas_search_reused_trials_total{{namespace="{namespace}",search="second"}} 4.0'
        in operator.ask("/metrics")[1]
    )

    # What the operator still does for the others, it does before, and it lists all once more, the searches last.
    wait_for_release(cluster, namespace)
    # It has listed them twice by the time it watches: to see whether they are served, and to know them.
    cluster.wait_for("its later list", lambda: operator.calls()["list", "architecturesearches", "200"] >= 3)
    calls = operator.calls()
    apply(search("third", **every, agent={"type": "Evolution", "seed": 5}, reuseResults="Namespace"))
    wait_until(cluster, namespace, "third", "Complete")
    made = {call: count for call, count in (operator.calls() - calls).items() if "events" not in call}
    # Two writes a trial, and nothing asked. Beside them the search's own: the dry run of its first Job, its status.
    assert made.pop(("patch", "architecturesearches", "200")) <= 3
    assert made == {
        ("create", "architecturetrials", "201"): 6,
        ("patch", "architecturetrials", "200"): 6,
        ("create", "jobs", "201"): 1,
    }
    assert {trial["spec"]["reusedFrom"]["searchRef"]["name"] for trial in trials(cluster, namespace, "third")} == {
        "first",
        "second",
    }
    assert _jobs(cluster, namespace, "third") == set()
    for name in ("second", "third"):
        replayed = evonas(cluster, namespace, "replay", name)
        assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    index = str(reused[0]["spec"]["index"])
    assert "nothing was run for it" in " ".join(evonas(cluster, namespace, "explain", "second", index).stdout.split())
    refused = evonas(cluster, namespace, "logs", "second", index)
    assert f"nothing was run for trial {index}" in refused.stderr

    # Another template, and a search that does not ask, train theirs.
    changed: dict[str, Any] = {"container": {"args": ["--longer"]}, "reuseResults": "Namespace"}
    for name, spec in (("changed", changed), ("modest", {})):
        apply(search(name, **every, **spec))
        assert "reusedTrials" not in wait_until(cluster, namespace, name, "Complete")["status"]
        assert len(_jobs(cluster, namespace, name)) == 6


def test_a_vetoed_trial_ends_and_the_agent_is_told(
    cluster: Cluster, namespace: str, apply: Apply, operator: OperatorProcess
) -> None:
    body = search("picky", budget={"maxTrials": 5, "parallelTrials": 2}, agent={"seed": 4, "warmup": 2})
    annotations = {
        "evonas-test/duration": "300ms",
        "evonas-test/outcome-0-1": "hang",
        "evonas-test/outcome-1-1": "hang",
    }
    body["spec"]["trial"]["template"]["metadata"] = {"annotations": annotations}
    apply(body)
    cluster.wait_for("two Jobs", lambda: len(cluster.list("jobs", namespace)) == 2, 180)
    cluster.kubectl("annotate", "nas/picky", "-n", namespace, "evonas.dev/veto-first=no", "evonas.dev/veto-1=")
    done = evonas(cluster, namespace, "veto", "picky", "0", "--because", "too large for our phones")
    assert done.returncode == 0, done.stderr
    wait_until(cluster, namespace, "picky", "Complete")
    found = trials(cluster, namespace, "picky")
    assert [trial["status"]["state"] for trial in found] == ["Infeasible"] * 2 + ["Succeeded"] * 3
    assert [trial["status"].get("message", "") for trial in found[:2]] == ["too large for our phones", ""]
    assert sorted(trial["status"]["sequence"] for trial in found) == [1, 2, 3, 4, 5]
    vetoed = {trial["metadata"]["name"] for trial in found[:2]}
    cluster.wait_for("their Jobs to go", lambda: not _jobs(cluster, namespace, "picky") & vetoed)
    (told,) = [event for event in _events(cluster, namespace, "picky") if event["reason"] == "InvalidMark"]
    assert (
        told["message"]
        == "annotation evonas.dev/veto-first does not name a trial: a veto of trial 3 is evonas.dev/veto-3"
    )
    assert evonas(cluster, namespace, "replay", "picky").returncode == 0
    refused = evonas(cluster, namespace, "veto", "picky", "2")
    assert "trial 2 of " in refused.stderr
    assert "is Succeeded already" in refused.stderr


def test_a_pinned_trial_stays_in_the_population_until_its_pin_is_removed(
    cluster: Cluster, namespace: str, apply: Apply, operator: OperatorProcess
) -> None:
    agent = {"type": "Evolution", "seed": 4, "warmup": 4, "evolution": {"population": 1}}

    def grown(count: int) -> list[dict[str, Any]]:
        patch = json.dumps({"spec": {"budget": {"maxTrials": count}}})
        cluster.kubectl("patch", "nas/elite", "-n", namespace, "--type=merge", "-p", patch)
        cluster.wait_for(f"{count} trials", lambda: len(trials(cluster, namespace)) == count, 120)
        wait_until(cluster, namespace, "elite", "Complete")
        return [trial["spec"]["proposal"] for trial in trials(cluster, namespace)]

    apply(search("elite", budget={"maxTrials": 4, "parallelTrials": 1}, agent=agent))
    best = int(wait_until(cluster, namespace, "elite", "Complete")["status"]["best"]["index"])
    assert evonas(cluster, namespace, "pin", "elite", str(best)).returncode == 0
    # The agent is folded anew from the records, and told of the pin.
    operator.kill()
    cluster.kubectl("annotate", "nas/elite", "-n", namespace, "evonas.dev/pin-best=")
    operator.start()
    proposals = grown(9)
    assert all("pinned" not in proposal for proposal in proposals[:4])
    assert all(proposal["pinned"] == [best] for proposal in proposals[6:])
    assert best in {proposal["parent"] for proposal in proposals[6:]}
    (told,) = [event for event in _events(cluster, namespace, "elite") if event["reason"] == "InvalidMark"]
    assert (
        told["message"] == "annotation evonas.dev/pin-best does not name a trial: a pin of trial 3 is evonas.dev/pin-3"
    )
    assert evonas(cluster, namespace, "pin", "elite", str(best), "--remove").returncode == 0
    refused = evonas(cluster, namespace, "pin", "elite", str(best), "--remove")
    assert "is not pinned; none is" in refused.stderr
    assert all("pinned" not in proposal for proposal in grown(11)[9:])
    replayed = evonas(cluster, namespace, "replay", "elite")
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr


def _jobs(cluster: Cluster, namespace: str, name: str) -> set[str]:
    """Return the names of a search's trials that have a Job."""
    jobs = cluster.list("jobs", namespace)
    return {
        job["metadata"]["ownerReferences"][0]["name"] for job in jobs if job["metadata"]["labels"][SEARCH_LABEL] == name
    }


def _events(cluster: Cluster, namespace: str, name: str) -> list[dict[str, Any]]:
    return [event for event in cluster.list("events", namespace) if event["involvedObject"]["name"] == name]


def test_commands_of_the_page_run(cluster: Cluster, namespace: str, apply: Apply, tmp_path: Path) -> None:
    folder, variables = reader_folder(tmp_path), shell_of(cluster, namespace, tmp_path)
    apply(search("cifar-small", budget={"maxTrials": 4, "parallelTrials": 4}))
    counting = yaml.safe_load((folder / "examples" / "counting.yaml").read_text())
    counting["spec"]["suspend"] = True
    apply(counting)
    wait_until(cluster, namespace, "cifar-small", "Complete")
    export, enqueue, veto, pin, reused = blocks_run_by(REUSE)
    export.run(folder, variables)
    assert len(cluster.get("configmap", "last-year", namespace)["data"]["cifar.jsonl"].splitlines()) == 7
    here = folder / "runs" / "counting"
    here.mkdir(parents=True)
    journal = open_journal(here, counting)
    for index in range(4):
        decisions: dict[str, Value] = {f"a{place}": index + 1 for place in range(1, 6)}
        journal.write(Trial(index, decisions, ProposalRecord("random", None, (), 0)))
    journal.close()
    candidate = {"a1": 5, "a2": 5, "a3": 5, "a4": 5, "a5": 5}
    (folder / "candidates.yaml").write_text(yaml.safe_dump(candidate))
    enqueue.run(folder, variables)
    (listed,) = cluster.get("nas", "counting", namespace)["spec"]["warmStart"]["candidates"]
    assert list(listed.values()) == [1, 2, 3, 4, 1]
    (line,) = (here / "enqueued.jsonl").read_text().splitlines()
    assert json.loads(line) == candidate
    patch = json.dumps({"spec": {"suspend": False, "budget": {"parallelTrials": 4}}})
    cluster.kubectl("patch", "nas", "counting", "-n", namespace, "--type=merge", "-p", patch)
    cluster.wait_for("four trials", lambda: len(trials(cluster, namespace, "counting")) == 4, 180)
    veto.run(folder, variables)
    annotations = cluster.get("nas", "counting", namespace)["metadata"]["annotations"]
    assert annotations["evonas.dev/veto-3"] == "needs more memory than our phones have"
    assert json.loads((here / "vetoed.jsonl").read_text()) == {"trial": 3, "because": ""}
    pin.run(folder, variables)
    assert cluster.get("nas", "counting", namespace)["metadata"]["annotations"]["evonas.dev/pin-2"] == ""
    assert json.loads((here / "pinned.jsonl").read_text()) == {"trial": 2, "pinned": True}
    large = search("cifar-large", searchSpace=LETTERS, budget={"maxTrials": 6}, reuseResults="Namespace")
    source = search("source", searchSpace=LETTERS, budget={"maxTrials": 6})
    for body in (source, large):
        apply(body)
        wait_until(cluster, namespace, body["metadata"]["name"], "Complete")
    shown = reused.run(folder, variables)
    assert "nothing was run for it" in " ".join(shown.split())
    # Its reason, and in the wide table whose result it is.
    assert len(re.findall(r"Succeeded .* Reused +source ", shown)) == 6
