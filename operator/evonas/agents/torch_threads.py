"""Runs PyTorch on one thread: more threads make operations of this size slower, and sums no longer reproducible.

The number of threads is a process-wide setting, so agents on several threads must not interleave between setting and
restoring it: the later one would restore the earlier one's 1.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_lock = threading.Lock()


@contextmanager
def single_threaded() -> Iterator[None]:
    """Restrict PyTorch to one thread, one caller at a time; must not be nested."""
    with _lock:
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)
