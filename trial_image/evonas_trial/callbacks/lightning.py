"""The callback for Lightning, under either of its names. A step is an epoch."""

from __future__ import annotations

from typing import Any

from evonas_trial.callbacks.reports import Reports

try:
    from lightning.pytorch.callbacks import Callback
except ImportError:
    from pytorch_lightning.callbacks import Callback


class SearchCallback(Callback):  # type: ignore[misc]
    """Reports all that is logged by ``self.log``, after each epoch; ``metric`` is the search's."""

    def __init__(self, metric: str) -> None:
        self._reports = Reports(metric)

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Say where the training goes on."""
        self._reports.begin(trainer.current_epoch)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Report an epoch, validation included."""
        step, leads = trainer.current_epoch + 1, trainer.is_global_zero
        if self._reports.passed(step, trainer.max_epochs or 0, trainer.callback_metrics, leads=leads):
            trainer.should_stop = True

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Report the result."""
        self._reports.end(leads=trainer.is_global_zero)
