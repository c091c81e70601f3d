"""Keras' loop, on PyTorch."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras

from evonas_trial.callbacks.keras import SearchCallback
from tests.trial_image.frameworks import candidate


def main() -> None:
    """Train."""
    learning_rate, epochs, metric, folder = candidate.read()
    x, y = (tensor.numpy() for tensor in candidate.data().tensors)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(keras.optimizers.SGD(learning_rate), "mse")
    kept = keras.callbacks.BackupAndRestore(str(folder / "kept"), delete_checkpoint=False)
    report = SearchCallback(metric or "val_loss")
    model.fit(x, y, 8, epochs, verbose=0, validation_data=(x, y), callbacks=[kept, report])


if __name__ == "__main__":
    main()
