"""Writes the files that are made of code: `python -m observability`; with `--check`, only says which are stale."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from observability import reference

ROOT = Path(__file__).parents[1]


def generated() -> Iterator[tuple[Path, str]]:
    """Yield every generated file and what it should hold."""
    page = ROOT / reference.PAGE
    yield page, reference.render(page.read_text())


def main(arguments: list[str]) -> int:
    """Write or check; the exit code of a check is 1 where anything is stale."""
    stale = [(path, text) for path, text in generated() if not path.exists() or path.read_text() != text]
    for path, text in stale:
        print(path.relative_to(ROOT))
        if arguments != ["--check"]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return int(bool(stale) and arguments == ["--check"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
