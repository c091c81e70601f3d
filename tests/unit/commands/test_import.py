"""Katib's Experiments as searches: their manifests, each imported or refused with every reason."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from evonas.bridges.katib.experiment import convert
from evonas.errors import EvonasError
from evonas.local.processes.command import LocalCommand
from evonas.manifest import load_search
from evonas.search.log_reading import LogReading, to_report
from evonas.search.wanted import wanted_of
from evonas.spec import SearchSpec
from tests.unit.commands.conftest import Evonas

CORPUS = Path(__file__).parents[2] / "corpus" / "katib"
IMPORTED = sorted(path for path in CORPUS.glob("*.yaml") if not path.stem.startswith("refused"))
CONTAINER = "spec.trialTemplate.trialSpec.spec.template.spec.containers[0]"
REFUSED = sorted(CORPUS.glob("refused-*.yaml"))


def experiment(name: str) -> dict[str, Any]:
    body: dict[str, Any] = yaml.safe_load((CORPUS / f"{name}.yaml").read_text())
    return body


def test_there_are_more_than_ten() -> None:
    assert (len(IMPORTED), len(REFUSED)) == (12, 6)


@pytest.mark.parametrize("path", IMPORTED, ids=lambda path: path.stem)
def test_what_is_imported_is_a_search_and_says_in_what_it_differs(evonas: Evonas, tmp_path: Path, path: Path) -> None:
    code, out, err = evonas("import", "katib", str(path), "--to", "search.yaml")
    assert (code, out) == (0, "wrote search.yaml\n")
    spec = SearchSpec.parse(load_search(tmp_path / "search.yaml"))
    assert len(spec.space) == len(experiment(path.stem)["spec"]["parameters"])
    text = (tmp_path / "search.yaml").read_text()
    assert "${" not in text
    *lines, last = [*err.splitlines(), ""] if "note: " not in err else err.splitlines()
    assert last.startswith("note: ") == bool(experiment(path.stem)["spec"]["objective"].get("additionalMetricNames"))
    for line in lines:
        assert line.startswith("differs: spec.")
        assert f"# {line.removeprefix('differs: ')}\n" in text
    collector = (experiment(path.stem)["spec"].get("metricsCollectorSpec") or {}).get("collector", {})
    assert ("spec.metricsCollectorSpec: Katib read " in err) == (collector.get("kind", "StdOut") != "StdOut")
    assert (spec.trial.report is None) == (collector.get("kind", "StdOut") != "StdOut")
    LocalCommand(spec)


@pytest.mark.parametrize(
    ("name", "agent"),
    [
        ("random", ("Random", 0)),
        ("grid", ("Random", 0)),
        ("tpe", ("Optuna", 11)),
        ("bayesian", ("Optuna", 0)),
        ("normal", ("EvoNAS", 0)),
        ("hyperband", ("EvoNAS", 0)),
        ("prometheus", ("Optuna", 0)),
    ],
)
def test_algorithms(name: str, agent: tuple[str, int]) -> None:
    spec = SearchSpec.parse(convert(experiment(name)).manifest)
    assert (spec.agent.type, spec.agent.seed) == agent


def test_parameters_keep_their_values() -> None:
    def values(name: str) -> dict[str, tuple[Any, ...]]:
        space = SearchSpec.parse(convert(experiment(name)).manifest).space
        return {decision.name: decision.values for decision in space.decisions}

    assert values("grid") == {"momentum": (0.5, 0.6, 0.7, 0.8, 0.9), "batch": (32, 64, 128)}
    assert values("random")["num_layers"] == (1, 2, 3, 4, 5)
    assert values("random")["optimizer"] == ("sgd", "adam", "ftrl")
    assert values("tpe")["units"] == tuple(range(16, 513, 16))
    assert values("tpe")["lr"][0] == 1e-5
    assert len(values("tpe")["lr"]) == 10
    assert values("normal")["odd"] == (0, 0.3, 0.6, 0.9)
    assert values("hyperband")["batch_size"] == (16, 64, 256)
    assert values("hyperband")["num_epochs"] == (9,)
    assert values("hyperband")["width"][::9] == (8, 1024)
    assert values("tensorflow-events")["batch_size"] == (100, 150, 200)
    assert values("shell") == {"dropout": (0, 0.25, 0.5)}


def test_objective_budget_and_job_are_taken_over() -> None:
    spec = SearchSpec.parse(convert(experiment("environment")).manifest)
    assert (spec.budget.max_trials, spec.budget.parallel_trials, spec.budget.max_failed_trials) == (12, 3, 3)
    assert (spec.trial.retries, spec.trial.timeout_seconds) == (1, 1800)
    assert spec.trial.gpus == 1
    assert (spec.objective.metric, spec.objective.target, spec.objective.minimize) == ("accuracy", 0.95, False)
    (container,) = spec.trial.containers
    assert container["args"] == ["--name", "$(EVONAS_TRIAL)"]
    assert container["env"] == [
        {"name": "ACTIVATION", "value": "$(EVONAS_D_ACTIVATION)"},
        {"name": "DEPTH", "value": "$(EVONAS_D_DEPTH)"},
    ]
    scraped = SearchSpec.parse(convert(experiment("prometheus")).manifest)
    assert (scraped.budget.parallel_trials, scraped.trial.container) == (10, "trainer")
    assert scraped.trial.ttl_seconds_after_finished == 120
    assert scraped.trial.containers[0]["image"] == "example/exporter:vision"
    assert scraped.trial.containers[1]["args"] == ["--momentum=$(EVONAS_D_MOMENTUM)", "Job/batch/v1"]
    assert scraped.trial.containers[1]["env"] == [{"name": "WHERE", "value": "$(POD_NAMESPACE)"}]
    loss = SearchSpec.parse(convert(experiment("tpe")).manifest).objective
    assert (loss.metric, loss.minimize, loss.target) == ("loss", True, None)


@pytest.mark.parametrize(
    ("settings", "rungs"),
    [
        ({}, {"steps": [4, 27], "factor": 3}),
        ({"start_step": "2", "min_trials_required": "5"}, {"steps": [2, 27], "factor": 5}),
        ({"start_step": "0", "min_trials_required": "1"}, {"steps": [1, 27], "factor": 2}),
        ({"min_trials_required": "many"}, {"steps": [4, 27], "factor": 3}),
    ],
)
def test_median_rule_is_left_out_with_what_to_write_instead(settings: dict[str, str], rungs: dict[str, object]) -> None:
    body = experiment("bayesian")
    listed = [{"name": name, "value": value} for name, value in settings.items()]
    body["spec"]["earlyStopping"] = {"algorithmName": "medianstop", "algorithmSettings": listed}
    converted = convert(body)
    assert "fidelity" not in converted.manifest["spec"]
    (said,) = (item.problem for item in converted.differences if item.field == "spec.earlyStopping")
    written = said[said.index("fidelity:") : said.index(", with more steps")]
    fidelity = yaml.safe_load(written.replace("LAST", "27"))["fidelity"]
    assert fidelity == {"rungs": rungs, "rule": "Median"}
    converted.manifest["spec"]["fidelity"] = fidelity
    assert SearchSpec.parse(converted.manifest).fidelity is not None


def test_early_stopping_of_another_kind_is_left_out() -> None:
    body = experiment("bayesian")
    for value, said in (({"algorithmName": "asha"}, "asha has no counterpart"), (None, "none has no counterpart")):
        body["spec"]["earlyStopping"] = value
        assert any(str(item).startswith(f"spec.earlyStopping: {said}") for item in convert(body).differences)


def test_differences_are_precise() -> None:
    said = Counter(
        difference.field
        for name in ("tpe", "bayesian", "normal", "hyperband", "prometheus")
        for difference in convert(experiment(name)).differences
    )
    assert said == {
        "spec.algorithm.algorithmName": 2,
        "spec.algorithm.algorithmSettings": 5,
        "spec.earlyStopping": 1,
        "spec.metricsCollectorSpec": 2,
        "spec.parameters[0].feasibleSpace": 4,
        "spec.parameters[0].feasibleSpace.distribution": 1,
        "spec.parameters[0].feasibleSpace.step": 1,
        "spec.parameters[1].feasibleSpace": 1,
        "spec.parameters[2].name": 1,
        "spec.parameters[3].name": 1,
        "spec.resumePolicy": 1,
        "spec.trialTemplate.primaryPodLabels": 1,
        "spec.trialTemplate.retain": 1,
        "spec.trialTemplate.trialSpec.metadata": 1,
        "spec.trialTemplate.trialSpec.spec.podFailurePolicy": 1,
    }


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bayesian", "the largest accuracy from /var/log/metrics.log"),
        ("prometheus", "the least error by Prometheus"),
        ("tensorflow-events", "the last accuracy from /train"),
        ("push", "the least loss by Katib's push call"),
    ],
)
def test_what_katib_read_is_said_of_every_collector(name: str, said: str) -> None:
    (found,) = (
        difference.problem
        for difference in convert(experiment(name)).differences
        if difference.field == "spec.metricsCollectorSpec"
    )
    assert found.startswith(f"Katib read {said}, which has no counterpart: have it printed")


ADDITIONAL = r"(?:^|[^\w|-])(?P<metric>%s)\s*=\s*(?P<value>[+-]?\d*(?:\.\d+)?(?:[Ee][+-]?\d+)?)"


@pytest.mark.parametrize(
    ("name", "report", "output", "metrics"),
    [
        ("random", {"value": "Best"}, "accuracy=0.1\naccuracy=0.3\naccuracy=0.2", {"accuracy": 0.3}),
        (
            "tpe",
            {"patterns": [ADDITIONAL % "loss|accuracy"], "value": "Best"},
            "epoch 1: loss=0.5, accuracy=0.1\nloss=1e-1 accuracy=0.2 lr=1",
            {"loss": 0.1, "accuracy": 0.2},
        ),
        (
            "hyperband",
            {"patterns": [ADDITIONAL % "Validation-accuracy|Train-accuracy"]},
            "INFO Train-accuracy=0.5 Validation-accuracy=0.9\nINFO Validation-accuracy=0.4",
            {"Train-accuracy": 0.5, "Validation-accuracy": 0.4},
        ),
        (
            "stdout",
            {
                "patterns": [r"{metricName: (?P<metric>[\w|-]+), metricValue: (?P<value>[+-]?\d+(\.\d+)?)}"],
                "value": "Best",
            },
            "{metricName: loss, metricValue: 0.3}\n{metricName: loss, metricValue: 0.4}",
            {"loss": 0.3},
        ),
    ],
)
def test_what_katib_read_of_standard_output_is_read_here(
    name: str, report: dict[str, Any], output: str, metrics: dict[str, float]
) -> None:
    manifest = convert(experiment(name)).manifest
    assert {"value": "Last", **manifest["spec"]["trial"]["report"]} == {"from": "Logs", "value": "Last", **report}
    wanted = wanted_of(SearchSpec.parse(manifest))
    assert wanted is not None
    reading = LogReading(wanted)
    reading.feed(output.encode())
    reading.end()
    assert to_report(wanted, reading.printed).metrics == metrics


def test_format_of_katib_that_is_no_pattern_here_is_left_out_with_the_reason() -> None:
    body = experiment("stdout")
    body["spec"]["metricsCollectorSpec"]["source"]["filter"]["metricsFormat"] = [r"loss: (\S+)"]
    converted = convert(body)
    assert "patterns" not in converted.manifest["spec"]["trial"]["report"]
    (said,) = (str(item) for item in converted.differences if "metricsFormat" in item.field)
    assert "must have both groups metric and value" in said


def test_value_that_is_neither_the_last_nor_the_best_is_said_to_differ() -> None:
    body = experiment("stdout")
    body["spec"]["objective"]["metricStrategies"] = [{"name": "loss", "value": "max"}]
    converted = convert(body)
    assert "value" not in converted.manifest["spec"]["trial"]["report"]
    assert any(item.field == "spec.objective.metricStrategies" for item in converted.differences)


@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        ("refused-pytorchjob", ["spec.trialTemplate.trialSpec.kind: trials of kind PyTorchJob are not converted"]),
        (
            "refused-darts",
            [
                "spec.nasConfig: Katib's one-shot searches",
                "spec.trialTemplate.trialParameters[0].reference: 'layers' is not a parameter of this experiment",
            ],
        ),
        (
            "refused-enas",
            [
                "spec.nasConfig: Katib's one-shot searches",
                "spec.trialTemplate.trialParameters[0].reference: 'architecture' is not a parameter",
                "spec.trialTemplate.trialParameters[1].reference: 'nn_config' is not a parameter",
            ],
        ),
        (
            "refused-configmap",
            [
                "spec.parameters[0].feasibleSpace: must have min and max, both numbers",
                "spec.parameters[1].feasibleSpace.list: must hold numbers, got ['32', 'many']",
                "spec.trialTemplate.configMap: must hold the Job itself",
                "spec.objective.type: must be maximize or minimize, got 'best'",
            ],
        ),
        (
            "refused-many-pods",
            [
                "spec.parameters[1].feasibleSpace: min must be no more than max (0.5 > 0.1)",
                "spec.trialTemplate.trialParameters[1].reference: '${trialSpec.Labels[owner]}' is not a parameter",
                "spec.trialTemplate.trialSpec.spec.completions: must be 1, got 2",
                "spec.trialTemplate.trialSpec.spec.parallelism: must be 1, got 2",
            ],
        ),
        (
            "refused-placeholders",
            [
                "spec.parameters[1].parameterType: 'unknown' has no counterpart",
                f'{CONTAINER}.image: "example/${{trialParameters.image}}"',
                f"{CONTAINER}.args[0]: ${{trialParameters.nobody}} names",
            ],
        ),
    ],
)
def test_what_has_no_counterpart_is_refused_with_every_reason(evonas: Evonas, name: str, reasons: list[str]) -> None:
    code, out, err = evonas("import", "katib", str(CORPUS / f"{name}.yaml"))
    assert (code, out) == (2, "")
    lines = err.splitlines()
    assert len(lines) == len(reasons)
    for reason in reasons:
        assert any(line.startswith(f"error: {reason}") for line in lines), (reason, lines)


def test_what_is_no_experiment() -> None:
    with pytest.raises(EvonasError, match=r"must be a kubeflow\.org Experiment, found v1 Experiment"):
        convert({"apiVersion": "v1", "kind": "Experiment"})


def test_additional_metrics_are_objectives_where_a_user_says_so(evonas: Evonas, tmp_path: Path) -> None:
    file = str(CORPUS / "tpe.yaml")
    single = evonas("import", "katib", file)
    assert "note: accuracy: only collected, as in Katib; --objectives makes metrics objectives\n" in single[2]
    code, _, err = evonas("import", "katib", file, "--objectives", "loss:min, accuracy:max", "--to", "two.yaml")
    assert code == 0
    assert "note: " not in err
    assert (
        "differs: spec.objective: Katib optimises one metric; here the result is the front of all objectives\n" in err
    )
    spec = SearchSpec.parse(load_search(tmp_path / "two.yaml"))
    assert [(each.metric, each.minimize) for each in spec.objectives] == [("loss", True), ("accuracy", False)]
    assert (spec.agent.type, spec.agent.settings["sampler"]) == ("Optuna", "TPE")
    # By default, Katib takes the least of every metric of an experiment that minimises.
    for metric in ("loss", "accuracy"):
        assert f"spec.objective.metricStrategies: Katib took the least {metric}; here it is the last\n" in err
    wanted = wanted_of(spec)
    assert wanted is not None
    reading = LogReading(wanted)
    reading.feed(b"loss=0.5 accuracy=0.9\nloss=0.6 accuracy=0.7\n")
    assert to_report(wanted, reading.printed).metrics == {"loss": 0.6, "accuracy": 0.7}


def test_a_goal_of_katib_is_the_target_of_its_objective() -> None:
    body = experiment("environment")
    body["spec"]["objective"]["additionalMetricNames"] = ["latency"]
    spec = SearchSpec.parse(convert(body, [("accuracy", "Maximize"), ("latency", "Minimize")]).manifest)
    assert [each.target for each in spec.objectives] == [0.95, None]
    body["spec"]["objective"]["additionalMetricNames"] += ["size"]
    converted = convert(body, [("latency", "Minimize"), ("size", "Minimize")])
    said = [str(each) for each in converted.differences]
    assert any("accuracy, which Katib optimised, is no objective here" in each for each in said)


def test_an_algorithm_for_one_objective_is_replaced_for_several() -> None:
    body = experiment("tpe")
    body["spec"]["algorithm"] = {"algorithmName": "cmaes"}
    assert convert(body).manifest["spec"]["agent"]["type"] == "Optuna"
    converted = convert(body, [("loss", "Minimize"), ("accuracy", "Maximize")])
    assert converted.manifest["spec"]["agent"]["type"] == "EvoNAS"
    assert any("cmaes is for one objective" in str(each) for each in converted.differences)


@pytest.mark.parametrize(
    ("objectives", "said"),
    [
        ("loss:min", "a search has two to 4 objectives in a list, got 1"),
        ("loss,accuracy:max", "write METRIC:max or METRIC:min, got 'loss'"),
        ("loss:min,loss:max", "names a metric twice"),
        ("loss:max,accuracy:max", "spec.objective.type: is minimize, but --objectives asks for maximize"),
        ("loss:min,acuracy:max", "which is not among loss, accuracy; did you mean accuracy?"),
    ],
)
def test_objectives_that_are_none_are_refused(evonas: Evonas, objectives: str, said: str) -> None:
    code, out, err = evonas("import", "katib", str(CORPUS / "tpe.yaml"), "--objectives", objectives)
    assert (code, out) == (2, "")
    assert said in err
