"""A Prometheus that scrapes what it is told: a process beside the cluster, asked over its HTTP API."""

from __future__ import annotations

import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness import addresses, lifecycle
from harness.waiting import wait_for

Series = dict[str, Any]
"""``metric``, its labels, and ``values``, pairs of seconds since the epoch and text."""


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    url: str

    def range(self, expression: str, start: float, end: float, step: float) -> list[Series]:
        """Evaluate an expression at every step between two moments."""
        answer = self.ask("query_range", query=expression, start=start, end=end, step=step)
        series: list[Series] = answer["result"]
        return series

    def label_values(self, label: str, selector: str) -> list[str]:
        """Return the values of a label among the series that match."""
        values: list[str] = self.ask(f"label/{label}/values", **{"match[]": selector})
        return values

    def ask(self, path: str, **query: object) -> Any:
        """GET a path of the API and return its data."""
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)["data"]


@contextmanager
def scraping(
    folder: Path, target: str, labels: Mapping[str, str], rules: Sequence[Path], seconds: int = 1
) -> Iterator[Prometheus]:
    """Scrape one target, with these labels where it has none of its own, while the block lasts."""
    program = lifecycle.prepare("prometheus")["prometheus"]
    config = {
        "global": {"scrape_interval": f"{seconds}s", "evaluation_interval": f"{seconds}s"},
        "rule_files": [str(path) for path in rules],
        "scrape_configs": [
            {
                "job_name": "evonas-operator",
                "honor_labels": True,
                "static_configs": [{"targets": [target], "labels": dict(labels)}],
            }
        ],
    }
    file = folder / "prometheus.yaml"
    file.write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{addresses.free_port()}"
    command = [str(program), f"--config.file={file}", f"--storage.tsdb.path={folder / 'data'}"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([*command, f"--web.listen-address={address}"], stdout=log, stderr=log)
    try:
        prometheus = Prometheus(f"http://{address}")
        wait_for("Prometheus to have scraped the operator", lambda: _is_up(prometheus))
        yield prometheus
    finally:
        process.terminate()
        process.wait()


def _is_up(prometheus: Prometheus) -> bool:
    try:
        return bool(prometheus.ask("query", query="up == 1")["result"])
    except OSError:
        return False
