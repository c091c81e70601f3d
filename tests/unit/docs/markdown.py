"""Reads the documentation as far as its tests need it: fences, code spans, links, tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_NAMED = re.compile(r"(?:#!.*\n)?(?:#|//) ([\w-]+\.\w+)\n")
_TABLE = re.compile(r"^\|(.*)\|\n\|[ :|-]+\|\n((?:\|.*\|\n?)+)", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """One page of the documentation."""

    path: Path

    def __str__(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    def fences(self, language: str) -> list[str]:
        """Return the contents of the fenced blocks of one language."""
        return [content for name, content in _FENCE.findall(self.text) if name == language]

    def blocks(self) -> list[tuple[str, str]]:
        """Return language and content of all fenced blocks, in their order."""
        return _FENCE.findall(self.text)

    def files(self) -> dict[str, str]:
        """Return the blocks that are files, by the name that the comment at their beginning gives them."""
        named = ((_NAMED.match(content), content) for _, content in self.blocks())
        return {found[1]: content for found, content in named if found}

    def spans(self) -> list[str]:
        """Return the code spans outside fenced blocks; a line break in one is a space."""
        return [" ".join(span.split()) for span in _SPAN.findall(_FENCE.sub("", self.text))]

    def links(self) -> list[str]:
        """Return the targets of links, without the part of the page that they point to."""
        targets = (target.partition("#")[0] for target in _LINK.findall(_FENCE.sub("", self.text)))
        return [target for target in targets if target]

    def first_cells(self, *headings: str) -> Iterator[str]:
        """Return the code spans in the first column of the tables whose first heading is one of ``headings``."""
        for head, body in _TABLE.findall(self.text):
            if head.split("|")[0].strip() in headings:
                for row in body.splitlines():
                    yield from _SPAN.findall(row.split("|")[1])

    def last_cells(self) -> Iterator[str]:
        """Return the code spans in the last column of all tables."""
        for _, body in _TABLE.findall(self.text):
            for row in body.splitlines():
                yield from _SPAN.findall(row.rstrip("|").rpartition(" | ")[2])


PAGES = [
    Page(path) for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "examples/README.md")
]
