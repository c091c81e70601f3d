"""The templates of pages and of what notebooks show: HTML in which everything is text unless it says otherwise."""

from __future__ import annotations

from functools import cache

import jinja2

from evonas.search.trial_environment import to_text


@cache
def templates_of(package: str) -> jinja2.Environment:
    """Return the templates in the folder ``page`` of a package."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(package, "page"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = lambda value: "-" if value is None else f"{value:.6g}"
    environment.filters["text"] = to_text
    return environment
