"""The tables of docs/metrics.md, generated from the help texts in the code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase

import evonas.metrics
from evonas.metrics.searches import DEFINITIONS, READINGS

PAGE = Path("docs/metrics.md")

Row = tuple[str, str, Iterable[str], str]
"""Name, type, labels, help."""


def search_metrics() -> Iterator[Row]:
    """Yield the metrics of each search; all of them also carry its namespace and name."""
    for definition, family in zip(DEFINITIONS, READINGS.describe(), strict=True):
        yield definition.name, family.type, definition.labels, definition.help


def operator_metrics() -> Iterator[Row]:
    """Yield the metrics of the process."""
    for metric in vars(evonas.metrics).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            name = f"{family.name}_total" if family.type == "counter" else family.name
            yield name, family.type, metric._labelnames, family.documentation


def render(page: str) -> str:
    """Return the page with its tables renewed."""
    for part, rows in (("searches", search_metrics()), ("operator", operator_metrics())):
        start, end = f"<!-- generated: {part} -->\n", "<!-- end -->"
        pattern = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
        table = start + "\n".join(_table(rows)) + f"\n{end}"
        page, count = pattern.subn(lambda _, table=table: table, page)  # type: ignore[misc]
        if count != 1:
            raise ValueError(f"{PAGE} has {count} places for the table of {part}")
    return page


def _table(rows: Iterable[Row]) -> Iterator[str]:
    yield "\n| Metric | Type | Labels | What |\n| --- | --- | --- | --- |"
    for name, kind, labels, text in rows:
        yield f"| `{name}` | {kind} | {', '.join(f'`{label}`' for label in labels)} | {text} |"
    yield ""
