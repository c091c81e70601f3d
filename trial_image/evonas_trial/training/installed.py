"""Whether the training programs can train here. Looked up, not imported: importing torch takes seconds."""

from __future__ import annotations

import sys
from importlib.util import find_spec


def leave_without_torch() -> None:
    """End the program with one line that says what to install, unless PyTorch is there."""
    if find_spec("torch") is None:
        sys.exit("evonas: a training needs PyTorch, which is not installed here: pip install 'evonas[trial]'")
