"""The callback for Keras, on any of its backends. A step is an epoch."""

from __future__ import annotations

from typing import Any

from keras.callbacks import Callback

from evonas_trial.callbacks.reports import Reports


class SearchCallback(Callback):  # type: ignore[misc]
    """Reports the logs of each epoch; ``metric`` is the search's, such as ``val_accuracy``."""

    def __init__(self, metric: str) -> None:
        super().__init__()
        self._reports = Reports(metric)
        self._begun = False

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Say where the training goes on, which only the first epoch shows."""
        if not self._begun:
            self._begun = True
            self._reports.begin(epoch)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Report an epoch, validation included."""
        if self._reports.passed(epoch + 1, self.params["epochs"], logs or {}):
            self.model.stop_training = True

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Report the result."""
        self._reports.end()
