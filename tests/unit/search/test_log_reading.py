"""What is found in the output of programs, in the forms in which they print it, however it arrives."""

from __future__ import annotations

import itertools
import math
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas.search.log_reading import LogReading, Printed, Wanted, read_printed, to_report, to_text
from evonas.search.trial_progress import Progress
from evonas.search.trial_report import MAX_METRICS
from evonas.search.wanted import wanted_of
from tests.unit.search.support import search_spec

RUNGS = (1, 3, 9)


def read(wanted: Wanted, *lines: str) -> Printed:
    reading = LogReading(wanted)
    reading.feed("".join(f"{line}\n" for line in lines).encode())
    reading.end()
    return reading.printed


def found(metric: str, *lines: str) -> float | None:
    return read(Wanted([metric]), *lines).metrics.get(metric)


USUAL = {
    "assignment": ("accuracy", "accuracy=0.93", 0.93),
    "colon": ("val_loss", "epoch 3: val_loss: 1.2e-1 (loss: 3)", 0.12),
    "percent": ("Accuracy", "Test Error: Accuracy: 93.1%, Avg loss: 0.5", 93.1),
    "name with a blank": ("Avg loss", " Accuracy: 93.1%, Avg loss: 0.5", 0.5),
    "fraction": ("Accuracy", "Test set: Average loss: 0.0266, Accuracy: 9915/10000 (99%)", 9915),
    "Keras": ("val_accuracy", "10/10 ━━ 1s 5ms/step - accuracy: 0.8 - loss: 0.3 - val_accuracy: 0.91", 0.91),
    "JSON line": ("accuracy", '{"accuracy": 0.93, "epoch": 3}', 0.93),
    "JSON text": ("accuracy", '{"metrics": {"accuracy": "0.93"}}', 0.93),
    "printed dictionary": ("eval_accuracy", "{'eval_loss': 0.3, 'eval_accuracy': np.float64(0.91)}", 0.91),
    "tensor": ("loss", "loss: tensor(0.25, device='cuda:0', grad_fn=<NllLossBackward0>)", 0.25),
    "tqdm": ("acc", "  3%|▎ | 1/30 [00:00<00:01, acc=0.1]\r100%|██| 30/30 [00:01<00:00, acc=0.93]", 0.93),
    "Windows": ("accuracy", "accuracy=0.5\r", 0.5),
    "colours": ("accuracy", "\x1b[32maccuracy\x1b[0m=\x1b[1;31m0.5\x1b[0m", 0.5),
    "logging": ("accuracy", "2026-11-29 12:00:00,123 INFO trainer: accuracy = 0.93", 0.93),
    "sentence": ("accuracy", "The accuracy is 0.93.", 0.93),
    "blank between": ("accuracy", "step 5 accuracy 0.93", 0.93),
    "table": ("test_acc", "│         test_acc          │    0.9123    │", 0.9123),
    "unit": ("latency", "latency: 6.1ms", 6.1),
    "sign": ("score", "score=-3", -3),
    "whole name only": ("accuracy", "val_accuracy=0.1 val/accuracy=0.2 accuracy_top5=0.3 accuracy=0.4", 0.4),
    "last on a line": ("acc", "acc=0.1 acc=0.2", 0.2),
}


@pytest.mark.parametrize(("metric", "line", "value"), USUAL.values(), ids=USUAL)
def test_metric_is_found_in_what_programs_usually_print(metric: str, line: str, value: float) -> None:
    assert found(metric, line) == value


@pytest.mark.parametrize(
    "line", ["accuracy", "accuracy=", "accuracy: unknown", "accuracy=1a2b3c", "inaccuracy=1", "accuracies=1", "acc=1"]
)
def test_what_is_no_value_of_the_metric_is_none(line: str) -> None:
    assert found("accuracy", line) is None


@pytest.mark.parametrize("text", ["nan", "NaN", "-inf", "Infinity", "1e999"])
def test_value_that_is_not_finite_is_refused_as_a_reward_is(text: str) -> None:
    wanted = Wanted(["accuracy"])
    printed = read(wanted, "accuracy=0.9", f"accuracy={text}")
    assert math.isnan(printed.metrics["accuracy"])
    report = to_report(wanted, printed)
    assert (report.metrics, report.unmatched) == ({}, None)
    assert report.problem == "'accuracy' in the output is not a finite number in the end"


def test_last_or_best_value_counts() -> None:
    lines = ("loss=3", "loss=1", "loss=nan", "loss=2")
    assert read(Wanted(["loss"]), *lines).metrics == {"loss": 2}
    assert read(Wanted(["loss"], best=True, minimize=True), *lines).metrics == {"loss": 1}
    assert read(Wanted(["loss"], best=True), *lines).metrics == {"loss": 3}


STEPS = {
    "line names its step": ["epoch 1: accuracy=0.1", "epoch 3: accuracy=0.3"],
    "of so many": ["Epoch 1/9 - accuracy: 0.1", "Epoch [3/9] - accuracy: 0.3"],
    "step without epochs": ["step=1 accuracy=0.1", "step=3 accuracy=0.3"],
    "JSON lines": ['{"epoch": 1, "accuracy": 0.1}', '{"epoch": 3, "accuracy": 0.3}'],
    "fraction of an epoch": ["{'accuracy': 0.1, 'epoch': 1.0}", "{'accuracy': 0.3, 'epoch': 3.5}"],
    "step before its values": ["Epoch 1/9", "accuracy: 0.0", "accuracy: 0.1", "Epoch 3/9", "accuracy: 0.3"],
    "steps within an epoch": [
        *("Epoch [1/9], Step [100/200], accuracy: 0.0", "Epoch [1/9], Step [200/200], accuracy: 0.1"),
        *("Epoch [3/9], Step [100/200], accuracy: 0.2", "Epoch [3/9], Step [200/200], accuracy: 0.3"),
    ],
    "steps before the first epoch": ["step 9 accuracy=0.0", "epoch 1 accuracy=0.1", "step 5", "epoch 3 accuracy=0.3"],
    "bar within an epoch": [
        "Epoch 1:  10%| 1/10 [acc, accuracy=0.0]\rEpoch 1: 100%| 10/10 [acc, accuracy=0.1]",
        "Epoch 3:  10%| 1/10 [acc, accuracy=0.0]\rEpoch 3: 100%| 10/10 [acc, accuracy=0.3]",
    ],
}


@pytest.mark.parametrize("lines", STEPS.values(), ids=STEPS)
def test_values_on_the_way_are_progress_at_their_steps(lines: list[str]) -> None:
    at_rungs = {1: {"accuracy": 0.1}, 3: {"accuracy": 0.3}}
    assert read(Wanted(["accuracy"], rungs=RUNGS), *lines).progress == Progress(3, {"accuracy": 0.3}, at_rungs)


def test_step_counts_at_once_if_its_line_has_all_that_is_wanted_else_with_the_next_step() -> None:
    reading = LogReading(Wanted(["accuracy", "latency"], rungs=RUNGS))
    reading.feed(b"epoch 1 accuracy=0.1\n")
    assert reading.printed.progress is None
    reading.feed(b"epoch 1 latency=6\n")
    both = {"accuracy": 0.1, "latency": 6}
    assert reading.printed.progress == Progress(1, both, {1: both})
    reading.feed(b"epoch 3\naccuracy=0.3 latency=7\n")
    assert reading.printed.progress == Progress(1, both, {1: both})
    reading.feed(b"epoch 4\n")
    later = {"accuracy": 0.3, "latency": 7}
    assert reading.printed.progress == Progress(3, later, {1: both, 3: later})


def test_rung_counts_once_and_a_later_step_for_the_last_rung_that_it_has_passed() -> None:
    wanted = Wanted(["accuracy"], rungs=RUNGS)
    printed = read(wanted, "epoch 4 accuracy=0.4", "epoch 4 accuracy=0.5", "epoch 1 accuracy=0.1")
    assert printed.progress == Progress(4, {"accuracy": 0.5}, {3: {"accuracy": 0.4}, 1: {"accuracy": 0.1}})


PATTERNS = {
    "group of the metric's name": ([r"top1 (?P<accuracy>\S+)"], "top1 0.93, top5 0.99", {"accuracy": 0.93}),
    "name and value": ([r"(?P<metric>\S+) -> (?P<value>\S+)"], "a -> 1; b/c -> 2%", {"a": 1, "b/c": 2}),
    "several": ([r"acc (?P<accuracy>\S+)", r"lat (?P<latency>\S+)"], "acc 0.9 lat 7", {"accuracy": 0.9, "latency": 7}),
    "not a number": ([r"acc (?P<accuracy>\S+)"], "acc good", {}),
    "group that took no part": ([r"(?:acc (?P<accuracy>\S+))|(?:lat (?P<latency>\S+))"], "lat 7", {"latency": 7}),
}


@pytest.mark.parametrize(("patterns", "line", "metrics"), PATTERNS.values(), ids=PATTERNS)
def test_pattern_finds_what_its_groups_name(patterns: list[str], line: str, metrics: dict[str, float]) -> None:
    assert read(Wanted(["accuracy"], patterns), line).metrics == metrics


def test_pattern_may_find_the_step_on_a_line_of_its_own() -> None:
    wanted = Wanted(["accuracy"], [r"=== (?P<step>\d+) ===", r"top1 (?P<accuracy>\S+)"], rungs=RUNGS)
    printed = read(wanted, "=== 1 ===", "top1 0.1", "=== 3 ===", "top1 0.3")
    assert printed.progress == Progress(3, {"accuracy": 0.3}, {1: {"accuracy": 0.1}, 3: {"accuracy": 0.3}})


def test_container_that_printed_no_value_is_told_what_was_looked_for_and_where() -> None:
    wanted = Wanted(["accuracy"])
    report = to_report(wanted, read(wanted, "training", "acc=0.93"))
    assert report.unmatched == (
        "no value of 'accuracy' in 2 lines of output, where it was looked for in the usual forms, such as "
        "accuracy=0.93; the last line is 'acc=0.93'"
    )
    assert to_report(wanted, read(wanted)).unmatched == "the container printed nothing; 'accuracy' was looked for"
    wanted = Wanted(["accuracy"], [r"top1 (?P<accuracy>\S+)"])
    assert "by spec.trial.report.patterns; the last line is 'x'" in str(to_report(wanted, read(wanted, "x")).unmatched)


def test_metric_of_a_constraint_must_be_printed_too() -> None:
    wanted = Wanted(["accuracy", "latency"])
    report = to_report(wanted, read(wanted, "accuracy=0.9"))
    assert (report.metrics, "no value of 'latency'" in str(report.unmatched)) == ({"accuracy": 0.9}, True)


def test_reward_is_looked_for_by_that_name_where_the_objective_names_no_metric() -> None:
    assert wanted_of(search_spec()) is None
    wanted = wanted_of(search_spec(trial={"report": {"from": "Logs", "value": "Best"}}))
    assert wanted is not None
    assert (wanted.metrics, wanted.best) == (("reward",), True)
    assert to_report(wanted, read(wanted, "reward=0.5")).reward == 0.5


def test_every_metric_of_several_objectives_is_looked_for() -> None:
    latency = {"metric": "latency_ms", "goal": "Minimize", "constraints": [{"metric": "parameters", "max": 9}]}
    spec = search_spec(
        objectives=[{"metric": "accuracy", "constraints": [{"metric": "latency_ms", "max": 20}]}, latency],
        trial={"report": {"from": "Logs"}},
    )
    wanted = wanted_of(spec)
    assert wanted is not None
    assert wanted.metrics == ("accuracy", "latency_ms", "parameters")
    lines = ("accuracy=0.9 parameters=7", "accuracy=0.8", "latency_ms=6", "latency_ms=5")
    assert to_report(wanted, read(wanted, *lines)).metrics == {"accuracy": 0.8, "latency_ms": 5, "parameters": 7}
    missing = to_report(wanted, read(wanted, *lines[:2]))
    assert "no value of 'latency_ms'" in str(missing.unmatched)


TEXT = "\n".join(
    [
        *("Epoch 1/9", "accuracy: 0.1é", "\x1b[1mEpoch 3\x1b[0m: accuracy=0.2\rEpoch 3: accuracy=0.3\r", "x" * 5000),
        *('{"epoch": 9, "accuracy": 0.9}', "", "done\r\n"),
    ]
).encode()


@given(st.lists(st.integers(0, len(TEXT)), max_size=12))
def test_output_is_read_alike_in_whatever_pieces_it_arrives(cuts: list[int]) -> None:
    wanted = Wanted(["accuracy"], rungs=RUNGS)
    whole, pieces = LogReading(wanted), LogReading(wanted)
    whole.feed(TEXT)
    edges = [0, *sorted(cuts), len(TEXT)]
    for start, end in itertools.pairwise(edges):
        pieces.feed(TEXT[start:end])
    whole.end()
    pieces.end()
    assert pieces.printed == whole.printed
    assert whole.printed.metrics == {"accuracy": 0.9}


@given(st.integers(0, len(TEXT)))
def test_output_that_is_read_again_changes_nothing(seen: int) -> None:
    wanted = Wanted(["accuracy"], best=True, rungs=RUNGS)
    once, twice = LogReading(wanted), LogReading(wanted)
    once.feed(TEXT)
    once.end()
    twice.feed(TEXT[:seen])
    twice.begin_again()
    twice.feed(TEXT)
    twice.end()
    assert twice.printed == once.printed


@given(st.binary(max_size=300))
def test_any_bytes_can_be_read(output: bytes) -> None:
    wanted = Wanted(["accuracy"], rungs=RUNGS)
    reading = LogReading(wanted)
    reading.feed(output)
    reading.end()
    to_report(wanted, reading.printed)


def test_what_was_found_can_be_handed_to_another_process() -> None:
    printed = read(Wanted(["accuracy"], rungs=RUNGS), "epoch 1 accuracy=0.1", "epoch 9 accuracy=0.9")
    assert read_printed(to_text(printed)) == printed
    printed = read(Wanted(["accuracy"]), "accuracy=nan")
    assert math.isnan(read_printed(to_text(printed)).metrics["accuracy"])


def test_endless_output_costs_no_memory() -> None:
    reading = LogReading(Wanted(["accuracy"], [r"(?P<metric>\w+)=(?P<value>\S+)"], rungs=RUNGS))
    tracemalloc.start()
    # A line without an end, a bar that is drawn for ever, and a name for each line.
    for _ in range(300):
        reading.feed(b"x" * (1 << 16))
    for number in range(300):
        reading.feed(b"%d%%|\r" % number * 500)
    for number in range(3000):
        reading.feed(b"\nmetric%d=1" % number)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
    reading.feed(b"\naccuracy=0.5")
    reading.end()
    assert reading.printed.metrics["accuracy"] == 0.5
    assert len(reading.printed.metrics) == MAX_METRICS


HOSTILE = ["accuracy" + " " * 4000, "accuracy=" * 500, "accuracy:" + "9" * 4000, "epoch" + " " * 4000, "\x1b[" * 2000]


@pytest.mark.parametrize("line", HOSTILE, ids=["blanks", "names", "figures", "epochs", "escapes"])
def test_odd_line_is_read_in_time_linear_in_its_length(line: str) -> None:
    """Hundreds of each: had one taken quadratic time, this would take minutes."""
    assert found("accuracy", *[line] * 300, "accuracy=1") == 1


def test_pattern_that_other_engines_take_for_ever_over_is_quick() -> None:
    wanted = Wanted(["accuracy"], [r"(?P<accuracy>(?:(?:9*)*)*)!"])
    assert read(wanted, *["9" * 4000] * 100, "9!").metrics == {"accuracy": 9}
