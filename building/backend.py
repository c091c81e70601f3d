"""The build backend (PEP 517): hatchling, and before it the page, so that no distribution lacks it.

An editable installation is left to hatchling alone: who works in a checkout runs `make page` when they need the page.
"""

from __future__ import annotations

from typing import Any

from hatchling import build as hatchling
from hatchling.build import *  # noqa: F403 (whatever else a backend may have)

from building import page

Settings = dict[str, Any] | None


def get_requires_for_build_sdist(config_settings: Settings = None) -> list[str]:
    """Return what a source distribution takes to build."""
    return [*hatchling.get_requires_for_build_sdist(config_settings), *_node()]


def get_requires_for_build_wheel(config_settings: Settings = None) -> list[str]:
    """Return what a wheel takes to build."""
    return [*hatchling.get_requires_for_build_wheel(config_settings), *_node()]


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    """Build the page, and a source distribution with it."""
    page.build()
    return str(hatchling.build_sdist(sdist_directory, config_settings))


def build_wheel(wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None) -> str:
    """Build the page, and a wheel with it."""
    page.build()
    return str(hatchling.build_wheel(wheel_directory, config_settings, metadata_directory))


def _node() -> list[str]:
    return [] if page.is_built() else [page.NODE]
