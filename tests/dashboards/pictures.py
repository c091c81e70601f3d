"""Draws the dashboards from what a real Prometheus answers: `make pictures` renews docs/images/dashboards."""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib import dates
from matplotlib.axes import Axes

from harness.fixtures import running
from harness.prometheus import Series
from harness.state import Options
from tests.dashboards.boards import ROOT, Board, boards, fill_in
from tests.dashboards.scenario import Recording, recorded
from tests.operator_process import install

FOLDER = ROOT / "docs" / "images" / "dashboards"
TRIALS, SECONDS = 80, 3
COLUMNS, ROW_INCHES, COLUMN_INCHES = 24, 0.36, 0.7
POINTS = 200

Answers = list[tuple[str, Series]]
"""Series, each with its name in the legend."""


def draw(board: Board, recording: Recording, file: Path) -> None:
    """Draw one dashboard, each panel where Grafana would put it."""
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board.panels)
    figure = plt.figure(figsize=(COLUMNS * COLUMN_INCHES, height * ROW_INCHES))
    for panel in board.panels:
        place = panel["gridPos"]
        left, bottom = (place["x"] + 1) / COLUMNS, 1 - (place["y"] + place["h"] - 1) / height
        axes = figure.add_axes((left, bottom, (place["w"] - 1.4) / COLUMNS, (place["h"] - 2) / height))
        axes.set_title(panel["title"], fontsize=9, loc="left")
        axes.tick_params(labelsize=7)
        _DRAWERS[panel["type"]](axes, panel, _ask(panel, recording, many=board.name != "search"))
    figure.savefig(file, dpi=80, metadata={"Software": None})
    plt.close(figure)


def _ask(panel: dict[str, Any], recording: Recording, *, many: bool) -> Answers:
    step = max(1, (recording.end - recording.start) // POINTS)
    found: Answers = []
    for target in panel.get("targets", []):
        expression = fill_in(target["expr"], recording.values(many=many))
        for series in recording.prometheus.range(expression, recording.start, recording.end, step):
            # A table's queries have names, not legends; namespaces of a test have an ending of their own.
            labels = {label: _without_ending(value) for label, value in series["metric"].items()}
            lasts = series["values"][-1][0] > recording.end - step
            shown = {**series, "metric": labels, "lasts": lasts}
            found.append((_name(target, shown), shown))
    return found


def _without_ending(label: str) -> str:
    return re.sub(r"^(vision|speech)-[0-9a-f]{8}$", r"\1", label)


def _name(target: dict[str, Any], series: Series) -> str:
    if target.get("format") == "table":
        return str(target["refId"])
    return re.sub(r"\{\{(\w+)\}\}", lambda label: series["metric"].get(label[1], ""), target["legendFormat"])


def _curves(axes: Axes, panel: dict[str, Any], answers: Answers) -> None:
    custom = panel["fieldConfig"]["defaults"].get("custom", {})
    steps = "post" if custom.get("lineInterpolation") == "stepAfter" else None
    if custom.get("stacking", {}).get("mode") == "normal":
        _stack(axes, answers)
        answers = []
    for name, series in answers:
        moments = [datetime.fromtimestamp(moment, UTC) for moment, _ in series["values"]]
        values = [float(value) for _, value in series["values"]]
        axes.plot(moments, values, label=name, linewidth=1.4, drawstyle=f"steps-{steps}" if steps else "default")  # type: ignore[arg-type]
    axes.xaxis.set_major_formatter(dates.DateFormatter("%H:%M"))
    axes.xaxis.set_major_locator(dates.AutoDateLocator(maxticks=5))
    axes.set_ylabel(_UNITS.get(panel["fieldConfig"]["defaults"]["unit"], ""), fontsize=7)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=6, loc="upper left", ncols=2)


def _stack(axes: Axes, answers: Answers) -> None:
    moments = sorted({moment for _, series in answers for moment, _ in series["values"]})
    heights = [[float(dict(series["values"]).get(moment, 0)) for moment in moments] for _, series in answers]
    axes.stackplot(
        dates.date2num([datetime.fromtimestamp(moment, UTC) for moment in moments]),
        heights,
        labels=[n for n, _ in answers],
    )


def _latest(answers: Answers) -> list[tuple[str, float]]:
    """Return the last number of each series that was still there at the end."""
    return [(name, float(series["values"][-1][1])) for name, series in answers if series["lasts"]]


def _number(axes: Axes, panel: dict[str, Any], answers: Answers) -> None:
    name, value = next(iter(_latest(answers)), ("No data", math.nan))
    by_name = panel["options"]["textMode"] == "name" or math.isnan(value)
    shown = name if by_name else _say(value, panel["fieldConfig"]["defaults"]["unit"])
    axes.axis("off")
    axes.text(0.5, 0.45, shown, fontsize=15, ha="center", va="center", transform=axes.transAxes)


def _bars(axes: Axes, panel: dict[str, Any], answers: Answers) -> None:
    rows = [(name, value) for name, value in _latest(answers) if math.isfinite(value)]
    unit = panel["fieldConfig"]["defaults"]["unit"]
    axes.barh([name for name, _ in rows], [value for _, value in rows], height=0.5, alpha=0.5)
    for position, (name, value) in enumerate(rows):
        said = f"{name}  {_say(value, unit)}"
        axes.text(0.01, position, said, fontsize=8, va="center", transform=axes.get_yaxis_transform())
    axes.set_yticks([])


def _table(axes: Axes, panel: dict[str, Any], answers: Answers) -> None:
    organize = next(item["options"] for item in panel["transformations"] if item["id"] == "organize")
    columns = list(organize["renameByName"].values())
    units = {rule["matcher"]["options"]: rule["properties"][0]["value"] for rule in panel["fieldConfig"]["overrides"]}
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for column, series in _columns(panel, answers, columns):
        _, value = series["values"][-1]
        key = (series["metric"]["namespace"], series["metric"]["search"])
        rows.setdefault(key, {})[column] = _say(float(value), units[column]) if series["lasts"] else ""
    cells = [[*key, *(row.get(column, "") for column in columns)] for key, row in sorted(rows.items())]
    axes.axis("off")
    made = axes.table(cells, colLabels=["namespace", "search", *columns], loc="upper center", cellLoc="left")
    made.auto_set_font_size(False)
    made.set_fontsize(8)
    made.scale(1, 1.4)


def _columns(panel: dict[str, Any], answers: Answers, columns: Sequence[str]) -> list[tuple[str, Series]]:
    """Return the answers with the title of their column: a table's queries have names, not legends."""
    return [(columns[ord(name) - ord("A")], series) for name, series in answers]


def _text(axes: Axes, panel: dict[str, Any], answers: Answers) -> None:
    axes.axis("off")
    content = panel["options"]["content"].replace("```sh\n", "").replace("```\n", "")
    content = content.replace("$search", "cnn").replace("$namespace", "vision")
    axes.text(0, 0.9, content, fontsize=7, family="monospace", va="top", wrap=True, transform=axes.transAxes)


def _say(value: float, unit: str) -> str:
    if unit == "percentunit":
        return f"{value:.0%}"
    return f"{value:.4g}{_UNITS.get(unit, '') and f' {_UNITS[unit]}'}"


_UNITS = {"s": "s", "h": "h", "ops": "1/s", "bytes": "B"}
_DRAWERS: dict[str, Callable[[Axes, dict[str, Any], Answers], None]] = {
    "timeseries": _curves,
    "stat": _number,
    "bargauge": _bars,
    "table": _table,
    "text": _text,
}


def main() -> None:
    """Record longer than the tests do, and draw."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with running("kwok", Options(fast=True)) as cluster, tempfile.TemporaryDirectory() as folder:
        install(cluster)
        with recorded(cluster, Path(folder), trials=TRIALS, seconds=SECONDS) as recording:
            for board in boards():
                draw(board, recording, FOLDER / f"{board.name}.png")
                print(f"{board.name}.png")


if __name__ == "__main__":
    main()
