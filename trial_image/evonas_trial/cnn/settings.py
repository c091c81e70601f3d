"""The network that a candidate describes: MnasNet's factorised space (Tan et al., arXiv 1807.11626, section 4).

A network is a stem, blocks by resolution, and a head; a block is one layer design repeated. Decisions of a block may be
one value for all blocks (``kernel``), a list with one value per block (``--kernel 3,3,5``), or a single block's
(``kernel_3``), which takes precedence. Without torch, so that an invalid manifest is refused at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from evonas_trial.decisions import Decision, did_you_mean, join, number, odd, one_of, parse_option, whole
from evonas_trial.training.recipe import DECISIONS as TRAINING
from evonas_trial.training.recipe import Recipe

OPERATIONS = ("regular", "separable", "inverted")
SKIPS = ("none", "identity", "pool")
ACTIVATIONS = ("relu", "relu6", "swish", "hard_swish", "gelu", "tanh", "sigmoid")
NORMALIZATIONS = ("batch", "group", "none")
MAX_BLOCKS = 9

_NETWORK = (
    whole("blocks", 2, "number of blocks; each after the first halves the image unless ``stride`` says otherwise"),
    number("width", 1.0, "multiplies stem and filters, rounded to 8", "a number above 0", lambda v: v > 0),
    whole("stem_filters", 16, "channels of the first convolution, 3x3"),
    one_of("stem_stride", 1, "its stride", (1, 2)),
    whole("head_filters", 0, "channels of the last convolution, 1x1; 0 for none", low=0),
    one_of("activation", "relu", "the activation", ACTIVATIONS),
    one_of("normalization", "batch", "after each convolution", NORMALIZATIONS),
    number("dropout", 0.0, "share of the classifier's inputs lost", "from 0 to below 1", lambda v: 0 <= v < 1),
)
_BLOCK = (
    one_of("op", "regular", "convolution, depthwise-separable, or mobile inverted bottleneck", OPERATIONS),
    odd("kernel", 3, "side of the kernels"),
    whole("expansion", 3, "how many times wider an inverted bottleneck is inside"),
    number("se", 0.0, "squeeze-excitation's ratio; 0 for none", "from 0 to 1", lambda v: 0 <= v <= 1),
    one_of("skip", "identity", "what is added around each layer", SKIPS),
    whole("filters", None, "channels; by default 16, then twice as many in each block"),
    whole("layers", 1, "repetitions of the layer; 0 leaves the block out", low=0),
    one_of("stride", None, "of the block's first layer; by default 1 in the first block, then 2", (1, 2)),
)
_FIRST_FILTERS = 16


@dataclass(frozen=True)
class Block:
    """One layer design and its repetitions."""

    op: str
    kernel: int
    expansion: int
    se: float
    skip: str
    filters: int
    layers: int
    stride: int


@dataclass(frozen=True)
class Architecture:
    """A whole network except for its input and the number of classes."""

    stem_filters: int
    stem_stride: int
    blocks: tuple[Block, ...]
    head_filters: int
    activation: str
    normalization: str
    dropout: float


def _per_block(decision: Decision) -> Decision:
    """Return the decision for all blocks: one value, or a list with one per block."""

    def accepts(value: Any) -> bool:
        values = _values(value)
        return bool(values) and all(map(decision.accepts, values))

    return replace(decision, wanted=f"{decision.wanted} (or one per block: A,B,…)", accepts=accepts)


def _own(decision: Decision, block: int) -> Decision:
    return replace(decision, name=f"{decision.name}_{block}", default=None, meaning=f"the same of block {block}")


GENERAL: tuple[Decision, ...] = (*_NETWORK, *map(_per_block, _BLOCK), *TRAINING)
OWN: tuple[Decision, ...] = tuple(_own(item, block) for block in range(1, MAX_BLOCKS + 1) for item in _BLOCK)
"""The decisions of single blocks."""


def read(searched: Mapping[str, Any], fixed: Mapping[str, Any]) -> tuple[Architecture, Recipe]:
    """Combine searched decisions, fixed options and defaults; raises ValueError if they conflict."""
    general, known = {item.name: item for item in GENERAL}, {item.name: item for item in (*GENERAL, *OWN)}
    if unknown := [name for name in searched if name not in known]:
        names = f"{', '.join(general)}; of single blocks {', '.join(f'{item.name}_1' for item in _BLOCK)}, …"
        raise ValueError(f"unknown decision {unknown[0]!r}; known are {names}{did_you_mean(unknown[0], known)}")
    values = join(known, searched, fixed)
    count = values["blocks"]
    if count > MAX_BLOCKS:
        raise ValueError(f"'blocks' must be at most {MAX_BLOCKS}, got {count}")
    for block in range(count + 1, MAX_BLOCKS + 1):
        for item in _BLOCK:
            if values[f"{item.name}_{block}"] is not None:
                raise ValueError(
                    f"'{item.name}_{block}' means nothing with {count} blocks; in the search space "
                    f"give it `when: {{name: blocks, values: […]}}` with the values from {block} on"
                )
    columns = {item.name: _column(item.name, values, count, exact="blocks" not in searched) for item in _BLOCK}
    width = values["width"]
    blocks = []
    for index in range(count):
        own = {name: column[index] for name, column in columns.items()}
        own["filters"] = scaled(own["filters"] or _FIRST_FILTERS * 2**index, width)
        own["stride"] = own["stride"] or (2 if index else 1)
        blocks.append(Block(**own))
    network = Architecture(
        stem_filters=scaled(values["stem_filters"], width),
        blocks=tuple(blocks),
        **{name: values[name] for name in ("stem_stride", "head_filters", "activation", "normalization", "dropout")},
    )
    return network, Recipe.of(values)


def scaled(channels: int, width: float) -> int:
    """Return channels times width, rounded to a multiple of 8, never down by more than a tenth: MobileNet's rule."""
    if width == 1:
        return channels
    exact = channels * width
    rounded = max(8, int(exact + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * exact else rounded + 8


def _column(name: str, values: Mapping[str, Any], count: int, *, exact: bool) -> list[Any]:
    """Return one decision's value in each block."""
    given = _values(values[name])
    column = given * count if len(given) == 1 else given
    # If the number of blocks is searched, a list fits the deepest network, and shorter ones use its beginning.
    if len(column) < count or (exact and len(column) > count):
        raise ValueError(f"{name!r} has {len(given)} values for {count} blocks")
    own = [values[f"{name}_{block}"] for block in range(1, count + 1)]
    return [general if value is None else value for value, general in zip(own, column, strict=False)]


def _values(value: Any) -> list[Any]:
    """Return one value, or those of a comma-separated list."""
    return [parse_option(part.strip()) for part in value.split(",")] if isinstance(value, str) else [value]
