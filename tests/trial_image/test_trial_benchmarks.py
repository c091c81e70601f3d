"""The benchmarks of the trials run, as far as they can without a GPU."""

from __future__ import annotations

import torch
from click.testing import CliRunner

from bench.gpu import main as measure_on_gpu
from bench.trials import loops
from bench.trials.cases import ON_GPU, Case
from evonas_trial.data.images import Images
from evonas_trial.training.choosing import Settings
from evonas_trial.training.hardware import Hardware
from tests.trial_image.test_trial_replay import ON_A_GPU

CASE = Case("smallest", {"blocks": 1, "stem_stride": 2, "batch_size": 16})
PART = Images(torch.randint(256, (64, 1, 28, 28), dtype=torch.uint8), torch.arange(64) % 10)


def test_all_loops_train_epoch_by_epoch() -> None:
    cpu = Hardware.choose("cpu", threads=1)
    for epochs in (loops.ours(CASE, PART, cpu), loops.plain(CASE, PART, cpu)):
        next(epochs)
        next(epochs)


def test_what_is_compared_on_a_gpu_uses_it_as_the_program_would() -> None:
    used = {(case.name, case.batch_size): case.settings for case in ON_GPU}
    assert used["MnasNet's A1, 224 px", 128] == Settings(algorithm_search=True)
    assert all(settings.graph for settings in used.values())
    assert not used["inverted, 3 blocks", 512].bfloat16


@ON_A_GPU
def test_the_limit_can_be_measured_on_a_gpu() -> None:
    assert loops.limit(CASE, Hardware.choose("cuda", threads=1).used(CASE.settings)) > 0


def test_without_a_gpu_there_is_nothing_to_measure() -> None:
    if not torch.cuda.is_available():
        ended = CliRunner().invoke(measure_on_gpu)
        assert (ended.exit_code, ended.output) == (1, "Error: torch sees no GPU here\n")
