"""What is met while an Experiment is read: what makes a search impossible, and what will be different. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from evonas.errors import FieldProblem


@dataclass
class Notes:
    """Notes taken during the conversion."""

    problems: list[FieldProblem] = field(default_factory=list)
    """Features without a counterpart that make a search impossible."""
    differences: list[FieldProblem] = field(default_factory=list)
    """Features left out or done differently."""

    def refuse(self, path: str, problem: str) -> None:
        """Note what makes the conversion impossible."""
        self.problems.append(FieldProblem(path, problem))

    def differ(self, path: str, difference: str) -> None:
        """Note what will be different."""
        self.differences.append(FieldProblem(path, difference))
