"""What a benchmark's options name: lists separated by commas, and contestants by their labels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

from rich.console import Console

from evonas.errors import EvonasError


class Contestant(Protocol):
    """What competes; it may need a package."""

    @property
    def label(self) -> str:
        """Its name."""

    @property
    def package(self) -> str | None:
        """What must be installed."""

    @property
    def is_installed(self) -> bool:
        """Whether it is."""


Chosen = TypeVar("Chosen", bound=Contestant)


def split(text: str) -> list[str]:
    """Return the words between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def choose(option: str, labels: str, known: Mapping[str, Chosen], console: Console) -> list[Chosen]:
    """Return those with the labels that can compete here; EvonasError if ``option`` names an unknown one."""
    if unknown := [label for label in split(labels) if label not in known]:
        raise EvonasError(f"{option}: unknown {', '.join(unknown)}; there are {', '.join(known)}")
    chosen = [known[label] for label in split(labels)]
    for contestant in chosen:
        if not contestant.is_installed:
            console.print(f"{contestant.label} is left out: {contestant.package} is not installed", highlight=False)
    return [contestant for contestant in chosen if contestant.is_installed]


def read_variant(text: str) -> tuple[str, str, dict[str, Any]]:
    """Return label, type and settings of ``label={"type": "EvoNAS", …}``, an agent of ours under other settings;
    EvonasError if that cannot be read.
    """
    label, _, body = text.partition("=")
    try:
        settings = json.loads(body)
        return label, settings.pop("type"), settings
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        cure = 'write label={"type": "EvoNAS", "critic": {"generations": 8}}'
        raise EvonasError(f"--variant {text!r} cannot be read ({error!r}); {cure}") from error
