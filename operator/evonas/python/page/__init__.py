"""The templates of what notebooks show: HTML without scripts, styled to the notebook's theme."""

from __future__ import annotations

from evonas.report.templates import templates_of


def render(template: str, **values: object) -> str:
    """Return a template of this folder, filled in."""
    return templates_of("evonas.python").get_template(template).render(**values)
