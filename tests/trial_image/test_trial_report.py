"""The report helper: everything but the annotation channel, which is tested on a real node."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas.search.trial_report import parse_message
from evonas_trial import report
from evonas_trial.report import ContractError, Reporter
from tests.trial_image.conftest import Ended, RunTrial


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class LocalTrial:
    """A reporter of a local run with its files and clock."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.clock = Clock()
        files = {"EVONAS_REPORT_FILE": str(folder / "report"), "EVONAS_PROGRESS_FILE": str(folder / "progress")}
        self.reporter = Reporter(files | environment, self.clock)

    @property
    def report(self) -> Any:
        return json.loads((self.folder / "report").read_text())

    @property
    def progress(self) -> Any:
        return json.loads((self.folder / "progress").read_text())


@pytest.fixture
def trial(tmp_path: Path) -> LocalTrial:
    return LocalTrial(tmp_path)


@pytest.fixture
def in_pod(tmp_path: Path) -> LocalTrial:
    """A trial whose pod has no token mounted."""
    return LocalTrial(
        tmp_path,
        POD_NAME="trial-0",
        POD_NAMESPACE="default",
        KUBERNETES_SERVICE_HOST="127.0.0.1",
        KUBERNETES_SERVICE_PORT="443",
        EVONAS_TOKEN_DIR=str(tmp_path / "no-token"),
    )


class TestDecisions:
    def test_the_candidate_is_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EVONAS_DECISIONS", '{"blocks": 2, "activation": "relu", "batch_norm": true, "rate": 0.1}')
        assert report.decisions() == {"blocks": 2, "activation": "relu", "batch_norm": True, "rate": 0.1}

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            (None, "EVONAS_DECISIONS is not set"),
            ("{", "is not JSON"),
            ("[1]", "must be a JSON object"),
            ('{"blocks": [1]}', "'blocks' must be a string, number or boolean"),
            ('{"blocks": null}', "'blocks' must be"),
        ],
    )
    def test_what_is_wrong_is_named(self, monkeypatch: pytest.MonkeyPatch, text: str | None, words: str) -> None:
        monkeypatch.delenv("EVONAS_DECISIONS", raising=False)
        if text is not None:
            monkeypatch.setenv("EVONAS_DECISIONS", text)
        with pytest.raises(ContractError, match=words):
            report.decisions()

    def test_the_seed_is_a_whole_number(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EVONAS_SEED", "7")
        assert report.seed() == 7
        monkeypatch.setenv("EVONAS_SEED", "seven")
        with pytest.raises(ContractError, match="EVONAS_SEED must be a whole number, got 'seven'"):
            report.seed()


class TestRungs:
    @pytest.mark.parametrize(("text", "steps"), [(None, ()), ("", ()), ("5", (5,)), ("1,3,9", (1, 3, 9))])
    def test_are_read(self, monkeypatch: pytest.MonkeyPatch, text: str | None, steps: tuple[int, ...]) -> None:
        monkeypatch.delenv("EVONAS_RUNGS", raising=False)
        if text is not None:
            monkeypatch.setenv("EVONAS_RUNGS", text)
        assert report.rungs() == steps

    @pytest.mark.parametrize("text", ["1,3,x", "1;3", "1,,3", "0,1", "-1", "3,1", "1,1", "1.5"])
    def test_what_is_no_list_of_steps_is_refused_by_name(self, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
        monkeypatch.setenv("EVONAS_RUNGS", text)
        with pytest.raises(ContractError, match=f"EVONAS_RUNGS must be ascending whole numbers .*, got '{text}'"):
            report.rungs()


class TestUntil:
    """Where an attempt ends."""

    @pytest.mark.parametrize(
        ("environment", "until", "pauses"),
        [
            ({}, 20, False),
            ({"EVONAS_UNTIL": ""}, 20, False),
            ({"EVONAS_RUNGS": "1,3,9"}, 9, False),
            ({"EVONAS_RUNGS": "1,3,9", "EVONAS_UNTIL": "3"}, 3, True),
            ({"EVONAS_RUNGS": "1,3,9", "EVONAS_UNTIL": "9"}, 9, True),
        ],
    )
    def test_is_the_next_rung_or_the_last_or_what_the_program_has(
        self, environment: dict[str, str], until: int, pauses: bool
    ) -> None:
        assert report.until(20, environment) == until
        assert report.pauses(environment) is pauses

    @pytest.mark.parametrize(("rungs", "listed"), [("1,3,9", "1,3,9"), ("", "not set")])
    @pytest.mark.parametrize("text", ["2", "27", "0", "-3", "3.0", "soon"])
    def test_what_is_no_rung_is_refused_by_name(self, rungs: str, listed: str, text: str) -> None:
        environment = {"EVONAS_RUNGS": rungs, "EVONAS_UNTIL": text}
        with pytest.raises(ContractError) as refused:
            report.until(20, environment)
        assert str(refused.value) == f"EVONAS_UNTIL must be one of the rungs in EVONAS_RUNGS ({listed}), got '{text}'"


class TestResumed:
    @pytest.fixture
    def trial(self, tmp_path: Path) -> LocalTrial:
        return LocalTrial(tmp_path, EVONAS_RUNGS="1,3,9", EVONAS_UNTIL="9")

    @pytest.mark.parametrize("step", [0, 3])
    def test_every_later_report_carries_it(self, trial: LocalTrial, step: int) -> None:
        trial.reporter.resumed(step)
        trial.reporter.progress(8, 9, {"accuracy": 0.8})
        assert trial.progress == {
            "step": 8,
            "of": 9,
            "accuracy": 0.8,
            "resumed": step,
            "rungs": {"3": {"accuracy": 0.8}},
        }
        trial.reporter.progress(9, 9, {"accuracy": 0.9})
        trial.reporter.reward(0.9, {"accuracy": 0.9})
        assert trial.progress["resumed"] == step
        assert trial.report == {"reward": 0.9, "resumed": step, "metrics": {"accuracy": 0.9}}

    def test_the_log_says_where_it_went_on_and_nothing_of_a_beginning(
        self, trial: LocalTrial, capsys: pytest.CaptureFixture[str]
    ) -> None:
        trial.reporter.resumed(0)
        trial.reporter.resumed(3)
        assert capsys.readouterr().err == "evonas: resumed from step 3\n"

    def test_a_program_without_progress_reports_tells_with_its_result(self, trial: LocalTrial) -> None:
        trial.reporter.resumed(3)
        trial.reporter.reward(0.9, {"loss": 0.1})
        assert trial.progress == {"step": 9, "of": 9, "reward": 0.9, "loss": 0.1, "resumed": 3}
        assert trial.report == {"reward": 0.9, "resumed": 3, "metrics": {"loss": 0.1}}

    def test_an_infeasible_candidate_tells_it_too(self, trial: LocalTrial) -> None:
        trial.reporter.resumed(3)
        with pytest.raises(SystemExit):
            trial.reporter.infeasible("diverged", {})
        assert trial.report == {"infeasible": "diverged", "resumed": 3}

    def test_what_is_too_long_loses_metrics_and_not_this(self, trial: LocalTrial) -> None:
        metrics = {f"metric_{number:03}": 1 / 3 for number in range(200)}
        trial.reporter.resumed(3)
        trial.reporter.progress(9, 9, metrics)
        trial.reporter.reward(0.9, metrics)
        assert (trial.folder / "progress").stat().st_size <= 4096
        assert trial.progress["resumed"] == 3
        assert trial.report == {"reward": 0.9, "resumed": 3}

    def test_a_search_that_pauses_nothing_is_not_told(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        trial = LocalTrial(tmp_path, EVONAS_RUNGS="1,3,9")
        trial.reporter.resumed(3)
        trial.reporter.progress(9, 9, {"accuracy": 0.9})
        trial.reporter.reward(0.9, {})
        assert trial.progress == {"step": 9, "of": 9, "accuracy": 0.9, "rungs": {"9": {"accuracy": 0.9}}}
        assert trial.report == {"reward": 0.9}
        assert capsys.readouterr().err == ""

    def test_mistakes_are_named(self, trial: LocalTrial, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="resumes from step 0 or a later one, got -1"):
            trial.reporter.resumed(-1)
        with pytest.raises(ContractError, match="EVONAS_UNTIL must be one of the rungs"):
            LocalTrial(tmp_path, EVONAS_RUNGS="1,3", EVONAS_UNTIL="2").reporter.resumed(1)


class TestReward:
    def test_the_file_holds_reward_and_metrics(self, trial: LocalTrial) -> None:
        trial.reporter.reward(0.93, {"accuracy": 0.93, "parameters": 13754})
        assert trial.report == {"reward": 0.93, "metrics": {"accuracy": 0.93, "parameters": 13754}}
        assert [path.name for path in trial.folder.iterdir()] == ["report"]

    @given(st.floats(allow_nan=False, allow_infinity=False))
    def test_any_finite_reward_survives_exactly(self, tmp_path_factory: pytest.TempPathFactory, value: float) -> None:
        path = tmp_path_factory.getbasetemp() / "any-reward"
        Reporter({"EVONAS_REPORT_FILE": str(path)}).reward(value, {})
        written = json.loads(path.read_bytes())["reward"]
        assert math.copysign(1, written) == math.copysign(1, value)
        assert written == value

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "high", None])
    def test_what_is_no_finite_number_is_refused_with_the_cure(self, trial: LocalTrial, value: Any) -> None:
        with pytest.raises(ValueError, match=r"one finite number, got .*infeasible\(reason\)"):
            trial.reporter.reward(value, {})
        assert not (trial.folder / "report").exists()

    def test_tensors_and_arrays_of_one_number_are_numbers(self, trial: LocalTrial) -> None:
        numpy = pytest.importorskip("numpy")
        trial.reporter.reward(numpy.float32(0.5), {"accuracy": numpy.array(0.25)})
        assert trial.report == {"reward": 0.5, "metrics": {"accuracy": 0.25}}

    def test_metrics_that_are_no_numbers_are_left_out_with_a_word(
        self, trial: LocalTrial, capsys: pytest.CaptureFixture[str]
    ) -> None:
        trial.reporter.reward(0.5, {"loss": math.nan, "accuracy": 0.5})
        assert trial.report == {"reward": 0.5, "metrics": {"accuracy": 0.5}}
        assert "metric 'loss' is not finite (nan): left out" in capsys.readouterr().err

    def test_too_many_metrics_cost_the_metrics_and_not_the_reward(
        self, trial: LocalTrial, capsys: pytest.CaptureFixture[str]
    ) -> None:
        trial.reporter.reward(0.5, {f"metric_{number}": 1 / 3 for number in range(200)})
        assert trial.report == {"reward": 0.5}
        assert "exceeds 4096 bytes: its 200 metrics are left out" in capsys.readouterr().err

    def test_an_earlier_report_is_replaced(self, trial: LocalTrial) -> None:
        (trial.folder / "report").write_text("x" * 5000)
        trial.reporter.reward(0.5, {})
        assert trial.report == {"reward": 0.5}

    def test_a_file_that_cannot_be_replaced_is_written_in_place(self) -> None:
        # Like a file mounted into a pod: it can be written, but its folder takes no second file.
        Reporter({"EVONAS_REPORT_FILE": "/proc/self/comm"}).reward(0.5, {})
        assert Path("/proc/self/comm").read_text().startswith('{"reward": 0.5')

    def test_a_report_that_reaches_nobody_is_an_error(self, tmp_path: Path) -> None:
        reporter = Reporter({"EVONAS_REPORT_FILE": str(tmp_path / "missing" / "report")})
        with pytest.raises(ContractError, match=r"reward 0\.5 could be reported by neither channel"):
            reporter.reward(0.5, {})

    def test_outside_of_any_search_the_reward_is_printed(self, capsys: pytest.CaptureFixture[str]) -> None:
        if report.TERMINATION_MESSAGE.exists():
            pytest.skip("this machine is itself a pod, with a termination message")
        Reporter({}).reward(0.5, {})
        assert "reward 0.5 (reported nowhere" in capsys.readouterr().err


class TestPodWithoutToken:
    def test_the_reward_is_kept_and_the_loss_of_the_channel_said_once(
        self, in_pod: LocalTrial, capsys: pytest.CaptureFixture[str]
    ) -> None:
        in_pod.reporter.progress(1, 2, {})
        in_pod.clock.now = 1000
        in_pod.reporter.progress(2, 2, {})
        in_pod.reporter.reward(0.5, {})
        assert in_pod.report == {"reward": 0.5}
        errors = capsys.readouterr().err
        assert errors.count("\n") == 1
        assert "the pod is not annotated" in errors
        assert "no usable token and CA in" in errors

    def test_failing_progress_reports_become_rarer(self, in_pod: LocalTrial) -> None:
        sent = []
        for second in range(0, 200):
            in_pod.clock.now = second
            (in_pod.folder / "progress").unlink(missing_ok=True)
            in_pod.reporter.progress(second, 200, {})
            if (in_pod.folder / "progress").exists():
                sent.append(second)
        assert sent == [0, 20, 60, 140]

    def test_no_channel_at_all_is_an_error(self, in_pod: LocalTrial) -> None:
        (in_pod.folder / "report").mkdir()
        with pytest.raises(ContractError, match="neither channel"):
            in_pod.reporter.reward(0.5, {})


class TestProgress:
    def test_the_first_goes_out_at_once_and_the_next_after_ten_seconds(self, trial: LocalTrial) -> None:
        trial.reporter.progress(1, 20, {"accuracy": 0.1})
        assert trial.progress == {"step": 1, "of": 20, "accuracy": 0.1}
        trial.clock.now = 9.9
        trial.reporter.progress(2, 20, {"accuracy": 0.2})
        assert trial.progress["step"] == 1
        trial.clock.now = 10
        trial.reporter.progress(3, 20, {"accuracy": 0.3})
        assert trial.progress == {"step": 3, "of": 20, "accuracy": 0.3}

    def test_the_last_one_goes_out_with_the_result(self, trial: LocalTrial) -> None:
        trial.reporter.progress(1, 2, {})
        trial.reporter.progress(2, 2, {})
        assert trial.progress["step"] == 1
        trial.reporter.reward(0.5, {})
        assert trial.progress["step"] == 2

    def test_numbers_that_json_cannot_carry_are_left_out(self, trial: LocalTrial) -> None:
        trial.reporter.progress(1, 2, {"loss": math.inf})
        assert trial.progress == {"step": 1, "of": 2}

    def test_a_missing_folder_does_not_disturb_the_training(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        trial = LocalTrial(tmp_path, EVONAS_PROGRESS_FILE=str(tmp_path / "missing" / "progress"))
        trial.reporter.progress(1, 2, {})
        assert "no progress in EVONAS_PROGRESS_FILE" in capsys.readouterr().err


class TestProgressAtRungs:
    @pytest.fixture
    def trial(self, tmp_path: Path) -> LocalTrial:
        return LocalTrial(tmp_path, EVONAS_RUNGS="1,3,9")

    def test_is_sent_at_once_and_repeated_in_every_later_report(self, trial: LocalTrial) -> None:
        trial.reporter.progress(1, 9, {"accuracy": 0.1})
        assert trial.progress == {"step": 1, "of": 9, "accuracy": 0.1, "rungs": {"1": {"accuracy": 0.1}}}
        trial.reporter.progress(2, 9, {"accuracy": 0.2})
        assert trial.progress["step"] == 1
        trial.reporter.progress(3, 9, {"accuracy": 0.3})
        assert trial.progress["rungs"] == {"1": {"accuracy": 0.1}, "3": {"accuracy": 0.3}}
        trial.clock.now = 10
        trial.reporter.progress(4, 9, {"accuracy": 0.4})
        assert trial.progress == {
            "step": 4,
            "of": 9,
            "accuracy": 0.4,
            "rungs": {"1": {"accuracy": 0.1}, "3": {"accuracy": 0.3}},
        }

    def test_the_last_report_goes_with_the_result_and_has_them_all(self, trial: LocalTrial) -> None:
        for step in range(1, 11):
            trial.reporter.progress(step, 10, {"accuracy": step / 10})
        assert trial.progress["step"] == 9
        trial.reporter.reward(1, {})
        assert trial.progress["step"] == 10
        assert trial.progress["rungs"] == {step: {"accuracy": int(step) / 10} for step in ("1", "3", "9")}

    def test_the_first_step_beyond_a_rung_and_before_the_next_counts(self, trial: LocalTrial) -> None:
        for step in (2, 10):
            trial.reporter.progress(step, 10, {"accuracy": step / 10})
        assert trial.progress["rungs"] == {"1": {"accuracy": 0.2}, "9": {"accuracy": 1.0}}

    def test_before_the_first_there_is_nothing_to_repeat(self, tmp_path: Path) -> None:
        trial = LocalTrial(tmp_path, EVONAS_RUNGS="3,9")
        trial.reporter.progress(2, 9, {"accuracy": 0.2})
        assert trial.progress == {"step": 2, "of": 9, "accuracy": 0.2}

    def test_a_curve_that_begins_again_changes_nothing(self, trial: LocalTrial) -> None:
        for step, accuracy in ((1, 0.1), (3, 0.3), (1, 0.7), (3, 0.9)):
            trial.reporter.progress(step, 9, {"accuracy": accuracy})
        assert trial.progress["rungs"] == {"1": {"accuracy": 0.1}, "3": {"accuracy": 0.3}}

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_a_metric_that_is_not_finite_is_told_as_nan(self, trial: LocalTrial, value: float) -> None:
        trial.reporter.progress(1, 9, {"loss": value, "accuracy": 0.1})
        assert trial.progress == {"step": 1, "of": 9, "accuracy": 0.1, "rungs": {"1": {"loss": "nan", "accuracy": 0.1}}}

    def test_the_warning_about_a_metric_that_is_not_finite_says_that_it_counts(
        self, trial: LocalTrial, capsys: pytest.CaptureFixture[str]
    ) -> None:
        trial.reporter.progress(1, 9, {"accuracy": math.nan})
        warning = "metric 'accuracy' is not finite (nan): left out, and counted as diverged where rungs compare it\n"
        assert capsys.readouterr().err.endswith(warning)

    def test_a_metric_that_is_no_number_says_nothing_about_the_candidate(
        self, trial: LocalTrial, capsys: pytest.CaptureFixture[str]
    ) -> None:
        unknown: Any = None
        trial.reporter.progress(1, 9, {"loss": unknown, "accuracy": 0.1})
        assert trial.progress["rungs"] == {"1": {"accuracy": 0.1}}
        assert "diverged" not in capsys.readouterr().err

    def test_is_sent_with_the_next_call_if_it_failed(self, tmp_path: Path) -> None:
        trial = LocalTrial(tmp_path, EVONAS_RUNGS="1,3,9", EVONAS_PROGRESS_FILE=str(tmp_path / "later" / "progress"))
        trial.reporter.progress(1, 9, {"accuracy": 0.1})
        (tmp_path / "later").mkdir()
        trial.reporter.progress(2, 9, {"accuracy": 0.2})
        assert json.loads((tmp_path / "later" / "progress").read_text()) == {
            "step": 2,
            "of": 9,
            "accuracy": 0.2,
            "rungs": {"1": {"accuracy": 0.1}},
        }

    def test_is_sent_with_the_result_if_it_failed(self, tmp_path: Path) -> None:
        trial = LocalTrial(tmp_path, EVONAS_RUNGS="1,3", EVONAS_PROGRESS_FILE=str(tmp_path / "later" / "progress"))
        trial.reporter.progress(3, 3, {"accuracy": 0.3})
        (tmp_path / "later").mkdir()
        trial.reporter.reward(0.3, {})
        assert json.loads((tmp_path / "later" / "progress").read_text())["rungs"] == {"3": {"accuracy": 0.3}}

    def test_failures_that_take_long_are_repeated_less_often(self, tmp_path: Path) -> None:
        seconds, progress = count(step=3), tmp_path / "progress"
        pod = {"POD_NAME": "trial-0", "EVONAS_PROGRESS_FILE": str(progress), "EVONAS_RUNGS": "1,99"}
        # A report takes from one look at this clock to the next.
        reporter = Reporter(pod, lambda: float(next(seconds)))
        sent = []
        for step in range(1, 40):
            progress.unlink(missing_ok=True)
            reporter.progress(step, 99, {})
            if progress.exists():
                sent.append(step)
        # Of ten looks, nine lie between two reports.
        assert sent == [1, 10, 19, 28, 37]

    def test_what_is_too_long_loses_the_metrics_named_last_and_no_rung(
        self, trial: LocalTrial, capsys: pytest.CaptureFixture[str]
    ) -> None:
        metrics = {"accuracy": 0.5} | {f"metric_{number:03}": 1 / 3 for number in range(60)}
        for step in range(1, 10):
            trial.reporter.progress(step, 9, metrics)
        assert (trial.folder / "progress").stat().st_size <= 4096
        assert trial.progress.keys() == {"step", "of", "rungs"}
        first, second, third = trial.progress["rungs"].values()
        assert list(first) == list(second) == list(third) == list(metrics)[: len(first)]
        assert len(first) > 30
        assert capsys.readouterr().err == (
            "evonas: progress exceeds 4096 bytes: metrics are left out, the last first\n"
        )

    @given(st.dictionaries(st.text(max_size=2000), st.floats(), max_size=5))
    def test_any_report_fits(self, tmp_path_factory: pytest.TempPathFactory, metrics: dict[str, float]) -> None:
        path = tmp_path_factory.getbasetemp() / "any-progress"
        reporter = Reporter({"EVONAS_PROGRESS_FILE": str(path), "EVONAS_RUNGS": "1,2,4,8"})
        for step in range(1, 9):
            reporter.progress(step, 8, metrics)
        assert path.stat().st_size <= 4096
        assert json.loads(path.read_text())["step"] == 8

    def test_a_variable_that_is_no_list_costs_no_result(self, tmp_path: Path) -> None:
        trial = LocalTrial(tmp_path, EVONAS_RUNGS="often")
        with pytest.raises(ContractError, match="EVONAS_RUNGS"):
            trial.reporter.progress(1, 9, {})
        trial.reporter.reward(0.5, {})
        assert trial.report == {"reward": 0.5}


class TestInfeasible:
    def test_reason_and_exit_code(self, trial: LocalTrial) -> None:
        with pytest.raises(SystemExit) as left:
            trial.reporter.infeasible("too deep", {"blocks": 9})
        assert left.value.code == 65
        assert trial.report == {"infeasible": "too deep", "metrics": {"blocks": 9}}

    @given(st.text(st.characters(), max_size=5000))
    def test_any_reason_fits(self, tmp_path_factory: pytest.TempPathFactory, reason: str) -> None:
        path = tmp_path_factory.getbasetemp() / "any-reason"
        with pytest.raises(SystemExit):
            Reporter({"EVONAS_REPORT_FILE": str(path)}).infeasible(reason, {})
        content = path.read_bytes()
        assert len(content) <= 4096
        assert reason.startswith(json.loads(content)["infeasible"])


class TestUnusable:
    @given(st.text(st.characters(), max_size=5000) | st.floats().map(repr) | st.integers().map(str))
    def test_any_reason_fits_and_none_is_a_reward(self, tmp_path_factory: pytest.TempPathFactory, reason: str) -> None:
        path = tmp_path_factory.getbasetemp() / "any-fault"
        with pytest.raises(SystemExit) as left:
            Reporter({"EVONAS_REPORT_FILE": str(path)}).unusable(reason)
        assert left.value.code == 0
        content = path.read_bytes()
        assert len(content) <= 4096
        found = parse_message(content.decode())
        assert (found.reward, found.infeasible) == (None, None)
        assert found.problem is not None


class TestCommandLine:
    def test_reward_and_metrics(self, run_trial: RunTrial) -> None:
        ended = run_trial("evonas_trial.report", None, "--reward", "0.93", "--metric", "a=1", "--metric", "b=-2e-3")
        assert (ended.exit_code, ended.report) == (0, {"reward": 0.93, "metrics": {"a": 1, "b": -0.002}})

    def test_infeasible(self, run_trial: RunTrial) -> None:
        ended = run_trial("evonas_trial.report", None, "--infeasible", "no such kernel")
        assert (ended.exit_code, ended.report) == (65, {"infeasible": "no such kernel"})
        assert ended.errors == "evonas: infeasible: no such kernel\n"

    def test_each_progress_report_is_a_process_of_its_own(self, run_trial: RunTrial) -> None:
        def tell(step: int, *metrics: str) -> Ended:
            words = [word for metric in metrics for word in ("--metric", metric)]
            rungs = {"EVONAS_RUNGS": "1,3,9"}
            return run_trial(
                "evonas_trial.report", None, "--progress", str(step), "--of", "9", *words, environment=rungs
            )

        first = tell(2, "accuracy=0.2")
        assert (first.exit_code, first.errors, first.report) == (0, "", None)
        assert first.progress == {"step": 2, "of": 9, "accuracy": 0.2, "rungs": {"1": {"accuracy": 0.2}}}
        assert tell(3, "accuracy=nan").progress == {"step": 3, "of": 9, "rungs": {"3": {"accuracy": "nan"}}}

    def test_what_it_resumed_from_goes_with_any_report(self, run_trial: RunTrial) -> None:
        contract = {"EVONAS_RUNGS": "1,3,9", "EVONAS_UNTIL": "9"}

        def tell(*arguments: str) -> Ended:
            return run_trial("evonas_trial.report", None, *arguments, "--resumed", "3", environment=contract)

        ended = tell("--progress", "9", "--of", "9", "--metric", "a=1")
        assert ended.progress == {"step": 9, "of": 9, "a": 1, "resumed": 3, "rungs": {"9": {"a": 1}}}
        ended = tell("--reward", "0.9")
        assert (ended.exit_code, ended.errors) == (0, "evonas: resumed from step 3\n")
        assert ended.report == {"reward": 0.9, "resumed": 3}
        assert tell("--infeasible", "diverged").exit_code == 65

    def test_a_rung_that_is_none_is_named(self, run_trial: RunTrial) -> None:
        contract = {"EVONAS_RUNGS": "1,3,9", "EVONAS_UNTIL": "2"}
        ended = run_trial("evonas_trial.report", None, "--reward", "1", "--resumed", "1", environment=contract)
        assert ended.exit_code == 1
        assert ended.errors.startswith("evonas: EVONAS_UNTIL must be one of the rungs")

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--reward", "nan"], "one finite number"),
            (["--reward", "1", "--resumed", "-1"], "--resumed: must not be negative, got -1"),
            (["--reward", "0.5", "--metric", "accuracy"], "'accuracy' is not NAME=VALUE"),
            (["--reward", "0.5", "--metric", "accuracy=high"], "accuracy: 'high' is not a number"),
            (["--metric", "accuracy=1"], "--reward --infeasible --progress is required"),
            (["--progress", "3"], "--progress STEP and --of STEPS belong together"),
            (["--reward", "1", "--of", "9"], "--progress STEP and --of STEPS belong together"),
            (["--progress", "some", "--of", "9"], "--progress: invalid int value: 'some'"),
        ],
    )
    def test_mistakes_are_named(self, run_trial: RunTrial, arguments: list[str], words: str) -> None:
        ended = run_trial("evonas_trial.report", None, *arguments)
        assert (ended.exit_code, ended.report) == (2, None)
        assert words in ended.errors

    def test_a_report_that_reaches_nobody_fails_the_script(self, run_trial: RunTrial) -> None:
        ended = run_trial("evonas_trial.report", None, "--reward", "1", environment={"EVONAS_REPORT_FILE": "/no/file"})
        assert ended.exit_code == 1
        assert "neither channel" in ended.errors


def test_the_file_stands_alone(tmp_path: Path, clean_environment: dict[str, str]) -> None:
    """It can be copied into an image that has nothing but Python."""
    copy = tmp_path / "report.py"
    copy.write_bytes(Path(report.__file__).read_bytes())
    target = tmp_path / "out"
    subprocess.run(
        [sys.executable, "-I", "-S", str(copy), "--reward", "0.5"],
        env=clean_environment | {"EVONAS_REPORT_FILE": str(target)},
        check=True,
    )
    assert json.loads(target.read_text()) == {"reward": 0.5}
