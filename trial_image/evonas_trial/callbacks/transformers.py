"""The callback for Hugging Face's Trainer. A step is an epoch if it evaluates by epochs, else one of its own steps."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback

from evonas_trial.callbacks.reports import Reports


class SearchCallback(TrainerCallback):  # type: ignore[misc]
    """Reports what each evaluation of a training returns; ``metric`` is the search's, such as ``eval_accuracy``."""

    def __init__(self, metric: str) -> None:
        self._reports = Reports(metric)
        self._trains = False

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Say where the training goes on."""
        self._trains = True
        self._reports.begin(_step(args, state))

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: dict[str, Any], **kwargs: Any) -> None:
        """Report an evaluation, unless it is one after the training."""
        of = round(args.num_train_epochs) if _by_epochs(args) else state.max_steps
        step, leads = _step(args, state), state.is_world_process_zero
        if self._trains and self._reports.passed(step, of, metrics, leads=leads):
            control.should_training_stop = True

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Report the result."""
        self._trains = False
        self._reports.end(leads=state.is_world_process_zero)


def _step(args: Any, state: Any) -> int:
    return round(state.epoch or 0) if _by_epochs(args) else int(state.global_step)


def _by_epochs(args: Any) -> bool:
    return bool(args.eval_strategy == "epoch")
