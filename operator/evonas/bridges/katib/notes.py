"""What is met while an Experiment is read: what makes a search impossible, and what will be different. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from evonas.errors import FieldProblem


@dataclass
class Notes:
    """What was met on the way."""

    problems: list[FieldProblem] = field(default_factory=list)
    """Without a counterpart, and without which there is no search."""
    differences: list[FieldProblem] = field(default_factory=list)
    """Left out, or done in another way."""

    def refuse(self, path: str, problem: str) -> None:
        """Note what makes the conversion impossible."""
        self.problems.append(FieldProblem(path, problem))

    def differ(self, path: str, difference: str) -> None:
        """Note what will be otherwise."""
        self.differences.append(FieldProblem(path, difference))
