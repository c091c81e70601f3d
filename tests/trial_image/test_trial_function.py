"""A function as a trial: what it may return, and what is said of everything else."""

from __future__ import annotations

import json
import math
import signal
import sys
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from evonas.search.attempt import Verdict
from evonas.search.exits import judge_exit
from evonas.search.objective import evaluate
from evonas.search.trial_report import parse_message
from evonas.spec import Objective
from evonas_trial.function import Misuse, Result, RunningTrial, count_arguments, result_of
from harness.waiting import PATIENCE
from tests.trial_image.conftest import Ended, RunTrial, StartTrial, tell

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@pytest.fixture
def run_function(run_trial: RunTrial, tmp_path: Path) -> Callable[..., Ended]:
    """Runs a function as the trials of a local run do."""

    def run(function: Any, *arguments: str, environment: Mapping[str, str] | None = None) -> Ended:
        file = tmp_path / "function.pickle"
        file.write_bytes(cloudpickle.dumps(function))
        return run_trial("evonas_trial.function", {"width": 8}, str(file), *arguments, environment=environment)

    return run


def is_retried(ended: Ended) -> bool:
    """Say whether a search would start another attempt."""
    report = parse_message("" if ended.report is None else json.dumps(ended.report))
    return judge_exit(ended.exit_code, report).verdict is Verdict.BROKEN


def reason_of(ended: Ended) -> str:
    """Return what the record of a search says of the trial."""
    objective = Objective(metric=None, minimize=False, target=None, constraints=())
    evaluation = evaluate([objective], parse_message(json.dumps(ended.report)))
    assert (evaluation.reward, evaluation.infeasible) == (None, False)
    return evaluation.message


class TestResult:
    @given(NUMBERS)
    def test_a_number_is_the_reward_and_the_metric(self, number: float) -> None:
        assert result_of(number, {}, None, "train") == Result(number, {})
        assert result_of(number, {}, "accuracy", "train") == Result(number, {"accuracy": number})

    @given(st.floats(width=32, allow_nan=False))
    def test_numbers_of_libraries_are_numbers(self, number: float) -> None:
        forms = [np.float32(number), np.array(number, np.float32), torch.tensor(number), torch.tensor([number])]
        for form in [*forms, torch.tensor(number, requires_grad=True), Decimal(number)]:
            assert result_of(form, {}, None, "train").reward == number
            assert result_of({"loss": form}, {}, "loss", "train").metrics == {"loss": number}

    @given(st.dictionaries(st.text(), NUMBERS), NUMBERS)
    def test_of_a_mapping_one_entry_counts(self, others: dict[str, float], number: float) -> None:
        others.pop("reward", None)
        assert result_of({**others, "reward": number}, {}, None, "train") == Result(number, others)
        metrics = {**others, "accuracy": number}
        assert result_of(metrics, {}, "accuracy", "train") == Result(number, metrics)

    def test_none_means_what_was_reported(self) -> None:
        assert result_of(None, {"accuracy": 0.5, "loss": 2}, "accuracy", "train").reward == 0.5
        assert result_of(None, {"reward": 0.5}, None, "train") == Result(0.5, {})

    @pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 10**400, torch.tensor(math.nan)])
    def test_not_finite_is_a_result_too(self, number: Any) -> None:
        result = result_of(number, {}, None, "train")
        assert not math.isfinite(result.reward)
        assert result.diverged == f"reward is {result.reward}"

    @given(NUMBERS, NUMBERS)
    def test_with_several_objectives_the_first_is_the_reward(self, accuracy: float, latency: float) -> None:
        metrics = {"latency_ms": latency, "accuracy": accuracy, "loss": math.nan}
        for returned, latest in ((metrics, {}), (None, metrics)):
            result = result_of(returned, latest, ("accuracy", "latency_ms"), "train")
            assert (result.reward, result.metrics["latency_ms"], result.diverged) == (accuracy, latency, None)

    def test_which_of_several_objectives_diverged_is_named(self) -> None:
        metrics = {"accuracy": 0.5, "latency_ms": math.inf}
        assert result_of(metrics, {}, ["accuracy", "latency_ms"], "train").diverged == "latency_ms is inf"

    @pytest.mark.parametrize(
        ("returned", "latest", "metric", "said"),
        [
            (None, {}, None, "train returned None and reported nothing: return the reward, or a dict of metrics"),
            (None, {"loss": 1}, "accuracy", "train reported no 'accuracy', which the search needs, only 'loss'"),
            ("0.93", {}, None, "train returned '0.93': it must be a number or a dict of metrics"),
            (True, {}, None, "train returned True: it must be a number or a dict of metrics"),
            (np.True_, {}, None, "train returned a bool (np.True_): it must be a number or a dict of metrics"),
            (torch.tensor(False), {}, None, "train returned a Tensor (tensor(False)): it must be a number or"),
            ([0.5, 0.6], {}, None, "train returned a list ([0.5, 0.6]): it must be a number or a dict of metrics"),
            (np.zeros(2), {}, None, "train returned a ndarray (array([0., 0.])): it must be a number"),
            (torch.zeros(2), {}, None, "train returned a Tensor (tensor([0., 0.])): it must be a number"),
            (1j, {}, None, "train returned a complex (1j): it must be a number"),
            ({"acc": 1, "loss": 2}, {}, "accuracy", "train returned no 'accuracy', which the search needs, only 'acc'"),
            ({"accuracy": 1}, {}, None, "train returned no 'reward', which the search needs, only 'accuracy'"),
            ({}, {}, None, "train returned no 'reward', which the search needs, only nothing"),
            ({"loss": "low"}, {}, "loss", "train returned 'low' for 'loss', which is no number"),
            ({"loss": 1, "ok": True}, {}, "loss", "train returned True for 'ok', which is no number"),
            ({"loss": 1, "path": Path("/x")}, {}, "loss", "train returned a PosixPath (PosixPath('/x')) for 'path'"),
            ({3: 1.0}, {}, None, "train returned a metric named 3: names must be text"),
            (0.5, {}, ["a", "b"], "train returned 0.5: it must be a dict with 'a' and 'b'"),
            ("a", {}, ["a", "b", "c"], "train returned 'a': it must be a dict with 'a', 'b' and 'c'"),
            (None, {}, ["a", "b"], "train returned None and reported nothing: return a dict with 'a' and 'b'"),
            ({"a": 1}, {}, ["a", "b"], "train returned no 'b', which the search needs, only 'a'"),
            (None, {"a": 1}, ["a", "b"], "train reported no 'b', which the search needs, only 'a'"),
        ],
    )
    def test_everything_else_is_named(
        self, returned: Any, latest: dict[str, float], metric: str | list[str] | None, said: str
    ) -> None:
        with pytest.raises(Misuse) as misuse:
            result_of(returned, latest, metric, "train")
        assert str(misuse.value).startswith(said)
        assert "\n" not in str(misuse.value)


class TestArguments:
    @pytest.mark.parametrize(
        ("function", "count"),
        [
            (lambda candidate: 0, 1),
            (lambda candidate, trial: 0, 2),
            (lambda candidate, trial=None: 0, 2),
            (lambda candidate, epochs=3: 0, 1),
            (lambda candidate=None, epochs=3: 0, 1),
            (lambda candidate, trial, epochs=3: 0, 2),
            (lambda candidate, *, epochs=3: 0, 1),
            (lambda *arguments: 0, 2),
            (lambda candidate, *rest: 0, 2),
            (lambda candidate, **rest: 0, 1),
            (max, 2),
        ],
    )
    def test_a_trial_goes_to_whoever_asks_for_it(self, function: Callable[..., Any], count: int) -> None:
        assert count_arguments(function) == count

    @pytest.mark.parametrize("function", [lambda: 0, lambda a, b, c: 0, lambda *, candidate: 0, lambda a, *, b: 0])
    def test_what_cannot_be_called_is_named(self, function: Callable[..., Any]) -> None:
        with pytest.raises(Misuse, match=r"^<lambda>\(.*\) cannot be called with \(candidate, trial\)$"):
            count_arguments(function)


class TestRunningTrial:
    def test_is_that_of_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        contract = {"TRIAL": "digits-1a2b-00003", "INDEX": "3", "SEED": "10", "ATTEMPT": "2", "RUNGS": "1,3,9"}
        for name, value in contract.items():
            monkeypatch.setenv(f"EVONAS_{name}", value)
        trial = RunningTrial("digits-1a2b-00003", index=3, seed=10, attempt=2, rungs=(1, 3, 9), until=9)
        assert RunningTrial.of_environment() == trial
        monkeypatch.setenv("EVONAS_UNTIL", "3")
        assert RunningTrial.of_environment().until == 3

    def test_by_hand_a_seed_is_enough(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EVONAS_SEED", "7")
        assert RunningTrial.of_environment() == RunningTrial(seed=7)

    @pytest.mark.parametrize(
        ("report", "said"),
        [
            (lambda trial: trial.report("1", loss=0), "trial.report needs a whole number as its step, got '1'"),
            (lambda trial: trial.report(0.5), "trial.report needs a whole number as its step, got 0.5"),
            (lambda trial: trial.report(1, loss="0"), "trial.report was given '0' for 'loss', which is no number"),
        ],
    )
    def test_what_is_no_report_is_named(self, report: Callable[[RunningTrial], None], said: str) -> None:
        with pytest.raises(Misuse) as misuse:
            report(RunningTrial())
        assert str(misuse.value) == said


class TestRun:
    def test_what_is_returned_is_reported(self, run_function: Callable[..., Ended]) -> None:
        def train(candidate: dict[str, Any], trial: RunningTrial) -> dict[str, float]:
            trial.report(trial.until or 0, accuracy=0.25)
            return {"accuracy": candidate["width"] / 16, "latency": 4, "seed": trial.seed, "lost": float("nan")}

        ended = run_function(train, "--metric", "accuracy", environment={"EVONAS_RUNGS": "1,3", "EVONAS_SEED": "7"})
        assert ended.exit_code == 0
        assert ended.report == {"reward": 0.5, "metrics": {"accuracy": 0.5, "latency": 4, "seed": 7}}
        assert ended.progress == {"step": 3, "of": 3, "accuracy": 0.25, "rungs": {"3": {"accuracy": 0.25}}}
        assert ended.errors == "evonas: metric 'lost' is not finite (nan): left out\n"

    def test_a_function_of_the_candidate_alone_may_return_a_number(self, run_function: Callable[..., Ended]) -> None:
        ended = run_function(lambda candidate: candidate["width"])
        assert (ended.exit_code, ended.report, ended.errors) == (0, {"reward": 8}, "")

    def test_what_was_reported_last_counts_where_nothing_is_returned(self, run_function: Callable[..., Ended]) -> None:
        def train(candidate: dict[str, Any], trial: RunningTrial) -> None:
            for step in range(3):
                trial.report(step + 1, of=3, reward=step)

        ended = run_function(train)
        assert (ended.exit_code, ended.report, ended.errors) == (0, {"reward": 2}, "")
        assert ended.progress == {"step": 3, "of": 3, "reward": 2}

    def test_what_diverges_is_infeasible(self, run_function: Callable[..., Ended]) -> None:
        ended = run_function(lambda candidate: {"loss": float("nan"), "steps": 3}, "--metric", "loss")
        assert ended.exit_code == 65
        assert ended.report == {"infeasible": "the training diverged: loss is nan", "metrics": {"steps": 3}}

    def test_each_objective_of_several_is_reported_and_must_be_finite(self, run_function: Callable[..., Ended]) -> None:
        both = ("--metric", "accuracy", "--metric", "latency_ms")
        ended = run_function(lambda candidate: {"accuracy": 0.5, "latency_ms": candidate["width"]}, *both)
        assert (ended.exit_code, ended.errors) == (0, "")
        assert ended.report == {"reward": 0.5, "metrics": {"accuracy": 0.5, "latency_ms": 8}}
        ended = run_function(lambda candidate: {"accuracy": 0.5, "latency_ms": float("nan")}, *both)
        assert ended.exit_code == 65
        assert ended.report == {"infeasible": "the training diverged: latency_ms is nan", "metrics": {"accuracy": 0.5}}

    def test_the_function_may_say_that_it_is_infeasible(self, run_function: Callable[..., Ended]) -> None:
        ended = run_function(lambda candidate, trial: trial.infeasible("too wide"))
        assert (ended.exit_code, ended.report) == (65, {"infeasible": "too wide"})

    @pytest.mark.parametrize(
        ("function", "said"),
        [
            (lambda candidate: None, "<lambda> returned None and reported nothing"),
            (lambda candidate: "0.93", "<lambda> returned '0.93': it must be a number or a dict of metrics"),
            (lambda candidate: {"acc": 1}, "<lambda> returned no 'reward', which the search needs, only 'acc'"),
            (lambda: 0, "<lambda>() cannot be called with (candidate, trial)"),
            (lambda candidate, trial: trial.report(1, loss="low"), "trial.report was given 'low' for 'loss', which is"),
            (lambda candidate: sys.exit(0), "<lambda> called sys.exit(0) instead of returning its result"),
            (lambda candidate: sys.exit(), "<lambda> called sys.exit() instead of returning its result"),
            (lambda candidate: undefined, "<lambda> raised NameError: name 'undefined' is not defined"),  # type: ignore[name-defined]  # noqa: F821
            (lambda candidate: __import__("evonas_nowhere"), "<lambda> raised ModuleNotFoundError: No module named"),
        ],
    )
    def test_what_each_attempt_would_repeat_is_said_and_not_retried(
        self, run_function: Callable[..., Ended], function: Callable[..., Any], said: str
    ) -> None:
        ended = run_function(function)
        assert not is_retried(ended)
        # A record keeps the beginning of what a report holds.
        assert said[:60] in reason_of(ended)
        assert ended.errors.splitlines()[-1].startswith(f"evonas: {said}")
        assert ended.exit_code == 0

    def test_an_exception_is_retried_and_its_last_line_names_the_function(
        self, run_function: Callable[..., Ended]
    ) -> None:
        def train(candidate: dict[str, Any]) -> float:
            return int(candidate["width"]) / 0

        ended = run_function(train)
        assert is_retried(ended)
        assert (ended.exit_code, ended.report) == (1, None)
        first, *_, last = ended.errors.splitlines()
        assert first == "Traceback (most recent call last):"
        assert "in train" in ended.errors
        assert "evonas_trial/function.py" not in ended.errors
        assert last == "evonas: train raised ZeroDivisionError: division by zero"

    @pytest.mark.parametrize(("code", "ends"), [(3, 3), ("no data", 1), (True, 1)])
    def test_other_exits_are_retried_and_said(self, run_function: Callable[..., Ended], code: Any, ends: int) -> None:
        ended = run_function(lambda candidate: sys.exit(code))
        assert is_retried(ended)
        assert (ended.exit_code, ended.report) == (ends, None)
        assert f"evonas: <lambda> called sys.exit({code!r}): raise an error instead" in ended.errors

    def test_an_exit_with_65_is_the_contracts(self, run_function: Callable[..., Ended]) -> None:
        ended = run_function(lambda candidate: sys.exit(65))
        assert (ended.exit_code, ended.errors) == (65, "")

    def test_stopped_it_leaves_at_once(self, start_trial: StartTrial, tmp_path: Path) -> None:
        def train(candidate: dict[str, Any], trial: RunningTrial) -> None:
            try:
                trial.report(1, reward=0.5)
            finally:
                signal.pause()

        file = tmp_path / "function.pickle"
        file.write_bytes(cloudpickle.dumps(train))
        process = start_trial("evonas_trial.function", {"width": 8}, str(file))
        tell(process, signal.SIGTERM)
        assert process.wait(PATIENCE) == 143
        assert not (tmp_path / "report").exists()


class TestLoading:
    def test_a_module_that_is_missing_is_named(self, run_trial: RunTrial, tmp_path: Path) -> None:
        file = tmp_path / "function.pickle"
        file.write_bytes(b"cevonas_nowhere\ntrain\n.")
        ended = run_trial("evonas_trial.function", {"width": 8}, str(file))
        assert not is_retried(ended)
        assert "the function needs the module 'evonas_nowhere', which this Python" in ended.errors

    def test_what_is_no_pickle_of_this_python_is_said(self, run_trial: RunTrial, tmp_path: Path) -> None:
        file = tmp_path / "function.pickle"
        file.write_bytes(cloudpickle.dumps(lambda candidate: 1)[:-20])
        ended = run_trial("evonas_trial.function", {"width": 8}, str(file))
        assert not is_retried(ended)
        assert ended.errors.splitlines()[-1].startswith("evonas: the function cannot be loaded: ")
        assert "was it pickled by another Python than this 3." in ended.errors
