"""The page about several trials on one GPU: its table counts as the operator does, and its manifest is one."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import pytest
import yaml

from evonas.gpus import GpuAccounting, count_gpus
from evonas.spec import SearchSpec
from tests.corpus import good
from tests.unit.docs.markdown import ROOT, Page

PAGE = Page(ROOT / "docs" / "several-trials-on-one-gpu.md")
ROWS = [
    [re.findall(r"`([^`]+)`", cells[0]), cells[1].strip(), re.findall(r"`([^`]+: [^`]+)`", cells[2])]
    for line in PAGE.text.partition("| Limit | Counts as |")[2].splitlines()[2:]
    if line.startswith("|") and (cells := line.strip("|").split("|"))
]


@pytest.mark.parametrize(("spans", "gpus", "settings"), ROWS, ids=str)
def test_table_counts_what_the_operator_does(spans: list[str], gpus: str, settings: list[str]) -> None:
    budget: dict[str, Any] = {}
    for setting in settings:
        budget |= yaml.safe_load(setting)
    limits = [yaml.safe_load(f"{{{span}}}") for span in spans if ": " in span]
    assert limits
    for limit in limits:
        pod = {"containers": [{"resources": {"limits": limit}}]}
        assert count_gpus(pod, GpuAccounting.parse(budget)) == Fraction(gpus)


def test_manifest_takes_a_quarter_of_a_gpu() -> None:
    (manifest,) = map(yaml.safe_load, PAGE.fences("yaml"))
    search = good("minimal.yaml")
    spec = SearchSpec.parse({**search, "spec": {**search["spec"], **manifest}})
    assert spec.trial.gpus == Fraction(1, 4)
    assert spec.budget.parallel_trials * spec.trial.gpus == 2
