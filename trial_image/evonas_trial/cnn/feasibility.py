"""Candidates that cannot be built, told from their settings alone: no data is read and no GPU minute spent."""

from __future__ import annotations

from evonas_trial.cnn.settings import Settings

IMAGE_SIDE = 8
MAX_BLOCKS = 3
"""Each block halves the side of the image: 8, 4, 2, 1."""


def obstacle(settings: Settings) -> str | None:
    """Return why the network cannot be built, None where it can."""
    if settings.blocks > MAX_BLOCKS:
        return (
            f"blocks={settings.blocks}: each block halves the image, "
            f"and a side of {IMAGE_SIDE} pixels can be halved {MAX_BLOCKS} times"
        )
    return None
