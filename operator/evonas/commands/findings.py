"""Findings of checks, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    # Needs the cluster's packages, which only those have who ask one.
    from evonas.cluster.checks.finding import Finding

_STYLES = {"ok": "green", "?": "dim", "warning": "yellow", "missing": "bold red"}


def show(findings: Sequence[Finding], console: Console) -> None:
    """Print a line for each finding, and below it the command that mends it."""
    for finding in findings:
        console.print(
            Text(f"{finding.verdict:8}", _STYLES[finding.verdict]) + Text(f"{finding.subject}: {finding.message}")
        )
        if finding.cure:
            console.print(Text(f"         fix: {finding.cure}"))


def is_bad(findings: Sequence[Finding]) -> bool:
    """Say whether anything is missing without which searches do not run."""
    return any(finding.verdict == "missing" for finding in findings)
