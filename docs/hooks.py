"""What the site has beyond MkDocs: pages link to files of the repository, and a new page needs no line in mkdocs.yml.

A page says ``../examples/counting.yaml``, which leads there in a checkout. The site has no such path: so each file that
is linked comes into it, below ``repository/``, and the links are turned there. A README among them is a page, whose
links are followed in turn.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

OUTSIDE = "repository/"
_LINK = re.compile(r"\]\((?!\w+:)([^)\s#]+)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Give every page a place in the navigation: runbooks theirs, what the navigation forgets the last."""
    docs = Path(config.docs_dir)
    for section in config.nav or ():
        if isinstance(section, dict):
            for entry in next(iter(section.values())):
                if isinstance(entry, dict) and "Runbooks" in entry:
                    entry["Runbooks"] = sorted(f"runbooks/{path.name}" for path in docs.glob("runbooks/*.md"))
    forgotten = sorted({path.name for path in docs.glob("*.md")} - set(_pages(config.nav)))
    if config.nav is not None and forgotten:
        config.nav.append({"More": forgotten})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files of the repository that pages link to."""
    root = Path(config.docs_dir).parent
    waiting = [file.src_uri for file in files.documentation_pages()]
    while waiting:
        source = _in_repository(waiting.pop())
        for target in _linked((root / source).read_text(encoding="utf-8"), source):
            uri = _in_site(target)
            if uri.startswith(OUTSIDE) and (root / target).is_file() and files.get_file_from_path(uri) is None:
                files.append(File.generated(config, uri, abs_src_path=str(root / target)))
                if uri.endswith(".md"):
                    waiting.append(uri)
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn the links between pages and files of the repository to where the site has them."""
    here = page.file.src_uri
    source = _in_repository(here)

    def turn(link: re.Match[str]) -> str:
        uri = _in_site(posixpath.normpath(posixpath.join(posixpath.dirname(source), link[1])))
        if files.get_file_from_path(uri) is None:
            return link[0]
        return f"]({posixpath.relpath(uri, posixpath.dirname(here) or '.')}"

    return _LINK.sub(turn, markdown)


def _linked(markdown: str, source: str) -> Iterator[str]:
    for link in _LINK.finditer(markdown):
        yield posixpath.normpath(posixpath.join(posixpath.dirname(source), link[1]))


def _in_repository(uri: str) -> str:
    return uri.removeprefix(OUTSIDE) if uri.startswith(OUTSIDE) else f"docs/{uri}"


def _in_site(path: str) -> str:
    return path.removeprefix("docs/") if path.startswith("docs/") else f"{OUTSIDE}{path}"


def _pages(nav: Any) -> Iterator[str]:
    for entry in nav.values() if isinstance(nav, dict) else nav or ():
        if isinstance(entry, str):
            yield entry
        else:
            yield from _pages(entry)
