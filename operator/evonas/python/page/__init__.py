"""The templates of what notebooks show: HTML without scripts, styled to the notebook's theme."""

from __future__ import annotations

from functools import cache

import jinja2

from evonas.search.trial_environment import to_text


def render(template: str, **values: object) -> str:
    """Return a template of this folder, filled in."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("evonas.python", "page"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = lambda value: "-" if value is None else f"{value:.6g}"
    environment.filters["text"] = to_text
    return environment
