"""A notebook's cells as IPython runs them: sources are found by ``linecache`` alone, and ``_ih`` keeps the cells."""

from __future__ import annotations

import linecache
import sys
from itertools import count
from types import ModuleType
from typing import Any

_numbers = count()


class Notebook:
    """Runs cells in one namespace."""

    def __init__(self) -> None:
        # As ``__main__`` does in a notebook, it has a place among the modules, and no file.
        module = ModuleType(f"main_of_notebook_{next(_numbers)}")
        sys.modules[module.__name__] = module
        self.names: dict[str, Any] = module.__dict__
        self.names["_ih"] = [""]

    def run(self, cell: str) -> dict[str, Any]:
        """Run a cell and return the namespace."""
        file = f"<cell-{next(_numbers)}>"
        linecache.cache[file] = (len(cell), None, cell.splitlines(keepends=True), file)
        self.names["_ih"].append(cell)
        exec(compile(cell, file, "exec"), self.names)
        return self.names
