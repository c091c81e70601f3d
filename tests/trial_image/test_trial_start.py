"""What the start of a trial costs: it imports what it needs, and nothing that takes longer than it saves."""

from __future__ import annotations

import pytest

from evonas_trial.training.recipe import OPTIMIZERS
from tests.trial_image.conftest import RunTrial

DIGITS = ["--epochs", "1", "--limit", "64"]
TRIALS = {
    "cnn": [[*DIGITS, "--optimizer", name] for name in OPTIMIZERS],
    "mlp": [DIGITS],
    "spiking": [["--epochs", "1", "--problem", "digits", "--training-examples", "10"]],
}


def check(name: str, run_trial: RunTrial, before: str, after: str) -> None:
    """Run trials of a program in one fresh process, between two pieces of code."""
    trials = f"from evonas_trial.{name}.__main__ import main\nfor arguments in {TRIALS[name]}: main(arguments)"
    ended = run_trial(["python", "-c", f"import sys\n{before}\n{trials}\n{after}"], {})
    assert (ended.exit_code, ended.errors) == (0, "")


@pytest.mark.parametrize("name", TRIALS)
def test_no_trial_imports_torchs_compiler(name: str, run_trial: RunTrial) -> None:
    """It takes seconds, and versions of torch have come to import it in new places."""
    after = "found = {'sympy', 'torch._dynamo', 'torch._inductor'} & set(sys.modules); assert not found, found"
    check(name, run_trial, "", after)


@pytest.mark.parametrize("name", TRIALS)
def test_a_trial_imports_no_package_but_torch_what_that_imports_and_safetensors(name: str, run_trial: RunTrial) -> None:
    """scikit-learn, whose digits these are, torchvision or a decoder would take as long as a short training."""
    after = (
        "new = {module.partition('.')[0] for module in set(sys.modules) - before} - set(sys.stdlib_module_names)\n"
        # What packages that are written in Cython share.
        "found = {package for package in new if not package.startswith('_cython')}\n"
        "assert found <= {'evonas_trial', 'numpy', 'safetensors', 'torch'}, found\n"
        "idle = {'torch.onnx', 'torch.utils.data', 'torch.utils.tensorboard'} & (set(sys.modules) - before)\n"
        "assert not idle, idle"
    )
    check(name, run_trial, "import torch; before = set(sys.modules)", after)
