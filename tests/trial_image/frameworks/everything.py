"""Imports the libraries whose loops the callbacks serve, Keras on PyTorch; for `tests.warm`."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras  # noqa: F401
import lightning.pytorch  # noqa: F401
import transformers.trainer  # noqa: F401
