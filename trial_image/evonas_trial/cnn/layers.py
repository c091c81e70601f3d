"""The layers of MnasNet's space: each maps (n, in, side, side) to (n, out, side / stride, side / stride)."""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from evonas_trial.cnn.settings import Block

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "swish": nn.SiLU,
    "hard_swish": nn.Hardswish,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}
_GROUPS = 8


class Convolution(nn.Sequential):
    """Convolution, normalization and, unless it is linear, activation."""

    def __init__(
        self,
        inside: int,
        outside: int,
        kernel: int,
        stride: int = 1,
        *,
        depthwise: bool = False,
        normalization: str,
        activation: str | None,
    ) -> None:
        # The normalization has a bias.
        bias, groups = normalization == "none", inside if depthwise else 1
        super().__init__(nn.Conv2d(inside, outside, kernel, stride, kernel // 2, groups=groups, bias=bias))
        if normalization == "batch":
            self.append(nn.BatchNorm2d(outside))
        elif normalization == "group":
            self.append(nn.GroupNorm(_groups(outside), outside))
        if activation is not None:
            self.append(_activation(activation))


def _groups(channels: int) -> int:
    """Return the number of groups to normalize, each with at least two channels: at 1 x 1 a single value is
    meaningless."""
    groups = math.gcd(_GROUPS, channels)
    return groups if groups < channels else max(1, groups // 2)


class SqueezeExcitation(nn.Module):
    """Scale each channel by a function of all channels' means (Hu et al., arXiv 1709.01507)."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.excite = nn.Conv2d(squeezed, channels, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Return the images, scaled."""
        means = images.mean((2, 3), keepdim=True)
        scales: Tensor = self.excite(self.squeeze(means).relu()).sigmoid()
        return images * scales


class Layer(nn.Module):
    """One layer of a block with its skip connection."""

    def __init__(self, inside: int, block: Block, stride: int, *, normalization: str, activation: str) -> None:
        super().__init__()
        self.body = nn.Sequential(*_body(inside, block, stride, normalization, activation))
        self.stride = stride
        self.missing = block.filters - inside
        pooled = block.skip == "pool" and self.missing >= 0
        same = block.skip == "identity" and stride == 1 and not self.missing
        self.skips = pooled or same
        self.pools = pooled

    def forward(self, images: Tensor) -> Tensor:
        """Return the layer's output."""
        output: Tensor = self.body(images)
        return output + self._around(images) if self.skips else output

    def _around(self, images: Tensor) -> Tensor:
        """Return the skip connection: the images, average-pooled to the output's side and padded with empty
        channels."""
        if not self.pools:
            return images
        pooled = functional.avg_pool2d(images, 3, self.stride, 1, count_include_pad=False)
        return functional.pad(pooled, (0, 0, 0, 0, 0, self.missing)) if self.missing else pooled


def _body(inside: int, block: Block, stride: int, normalization: str, activation: str) -> list[nn.Module]:
    convolution = partial(Convolution, normalization=normalization)
    # The ratio is relative to the layer's input, as in the networks that MnasNet's authors released.
    squeeze = [] if block.se == 0 else [max(1, round(inside * block.se))]
    if block.op == "regular":
        first = convolution(inside, block.filters, block.kernel, stride, activation=activation)
        return [first, *(SqueezeExcitation(block.filters, size) for size in squeeze)]
    wide = inside * (block.expansion if block.op == "inverted" else 1)
    parts: list[nn.Module] = []
    if wide != inside:
        parts.append(convolution(inside, wide, 1, activation=activation))
    parts.append(convolution(wide, wide, block.kernel, stride, depthwise=True, activation=activation))
    parts.extend(SqueezeExcitation(wide, size) for size in squeeze)
    # Linear: an activation here would lose what the few channels carry (Sandler et al., arXiv 1801.04381).
    parts.append(convolution(wide, block.filters, 1, activation=None))
    return parts


def _activation(name: str) -> nn.Module:
    kind = ACTIVATIONS[name]
    return kind() if name in ("gelu", "tanh", "sigmoid") else kind(inplace=True)


def initialise(network: nn.Module, activation: str) -> None:
    """Draw the weights from torch's random state so that each activation preserves the variance."""
    # A sigmoid's slope is 1/4 at most, a tanh shrinks by about 3/5.
    gain = {"tanh": 5 / 3, "sigmoid": 4.0}.get(activation, math.sqrt(2))
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_in = module.weight[0].numel()
            nn.init.normal_(module.weight, 0.0, gain / math.sqrt(fan_in))
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0.0, 1 / math.sqrt(module.in_features))
        else:
            continue
        if module.bias is not None:
            with torch.no_grad():
                module.bias.zero_()
