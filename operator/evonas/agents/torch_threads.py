"""Runs PyTorch on one thread: more make operations of this size slower, and their sums no longer bit for bit the same.

The number of threads is a setting of the whole process, so agents on several threads must not interleave between
setting it and putting it back: the later one would take the earlier one's 1 for the setting to put back.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_lock = threading.Lock()


@contextmanager
def single_threaded() -> Iterator[None]:
    """Hold PyTorch to one thread, one caller at a time; must not be nested."""
    with _lock:
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)
