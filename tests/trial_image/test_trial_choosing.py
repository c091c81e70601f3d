"""How a GPU is used follows from the work, and a user has the last word."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from evonas_trial.cnn.__main__ import PROGRAM
from evonas_trial.training.choosing import RECORDING_PAYS_AFTER, Settings, Wishes, Work, choose, graph_pays
from evonas_trial.training.options import parser
from tests.trial_image.conftest import RunTrial

A1 = 312e6
"""Multiply-adds of MnasNet's A1 at 224 pixels."""
SMALL = 0.93e6
"""Of an inverted network of three blocks at 28 pixels."""

WORKS = st.builds(Work, st.floats(1, 1e12), st.integers(1, 4096), st.integers(1, 10**7))


def wishes(*arguments: str) -> Wishes:
    return Wishes.of(parser(PROGRAM.name, PROGRAM.summary, (), ()).parse_args(arguments))


def test_small_networks_start_plain_and_are_replayed() -> None:
    assert choose(Work(SMALL, 256, 600)) == Settings(
        channels_last=False, bfloat16=False, algorithm_search=False, graph=True
    )


def test_large_networks_use_the_matrix_units_and_search_where_they_train_long() -> None:
    assert choose(Work(A1, 128, 300)) == Settings(algorithm_search=False)
    assert choose(Work(A1, 128, 50_000)) == Settings(algorithm_search=True)


def test_a_few_steps_are_not_worth_a_recording() -> None:
    assert not choose(Work(SMALL, 64, RECORDING_PAYS_AFTER - 1)).graph
    assert choose(Work(SMALL, 64, RECORDING_PAYS_AFTER)).graph
    assert graph_pays(1, "on")
    assert not graph_pays(1_000_000, "off")


@given(WORKS)
def test_more_work_never_takes_anything_away(work: Work) -> None:
    less, more = choose(work), choose(Work(work.multiply_adds * 2, work.batch_size * 2, work.steps * 2))
    assert all(getattr(more, name) for name, chosen in vars(less).items() if chosen)


@given(WORKS)
def test_a_user_has_the_last_word(work: Work) -> None:
    options = ("--layout", "channels-first", "--precision", "bfloat16", "--algorithm-search", "off", "--graph", "on")
    assert choose(work).wished(wishes(*options)) == Settings(
        channels_last=False, bfloat16=True, algorithm_search=False, graph=True
    )
    assert choose(work).wished(wishes()) == choose(work)


def test_they_are_said_in_the_words_of_the_options() -> None:
    said = str(Settings(channels_last=False, bfloat16=False))
    assert said == "channels-first, float32, algorithm search off, CUDA graphs on"


def test_an_unknown_precision_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        wishes("--precision", "float16")
    assert "--precision: invalid choice: 'float16' (choose from" in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("program", [("cnn",), ("spiking", "--problem", "xor")])
def test_a_gpu_that_is_not_there_is_one_line(program: tuple[str, ...], run_trial: RunTrial) -> None:
    name, *options = program
    ended = run_trial(f"evonas_trial.{name}", {}, *options, "--device", "cuda")
    assert ended.exit_code == 1
    assert ended.errors.startswith("evonas: --device cuda: torch sees no GPU here")
    assert ended.errors.count("\n") == 1
