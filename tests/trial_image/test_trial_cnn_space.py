"""The space of the CNN: what decisions mean, which candidates can be built, and what they cost."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from evonas_trial.cnn.feasibility import obstacle
from evonas_trial.cnn.layers import Layer, SqueezeExcitation
from evonas_trial.cnn.model import build
from evonas_trial.cnn.settings import ACTIVATIONS, NORMALIZATIONS, OPERATIONS, SKIPS, Block, read, scaled
from evonas_trial.data.catalogue import Shape
from evonas_trial.training.measures import static
from tests.tier import examples
from tests.trial_image.released import A1, B1

IMAGENET = Shape(3, 224, 1000)


def per_block(*values: Any) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.sampled_from(values),
        st.lists(st.sampled_from(values), min_size=3, max_size=3).map(lambda v: ",".join(map(str, v))),
    )


CANDIDATES = st.fixed_dictionaries(
    {
        "blocks": st.just(3),
        "width": st.sampled_from([0.5, 1, 1.3]),
        "stem_filters": st.integers(1, 9),
        "stem_stride": st.sampled_from([1, 2]),
        "head_filters": st.sampled_from([0, 12]),
        "op": per_block(*OPERATIONS),
        "kernel": per_block(1, 3, 5, 7),
        "expansion": per_block(1, 3),
        "se": per_block(0, 0.25),
        "skip": per_block(*SKIPS),
        "filters": per_block(4, 8, 12),
        "layers": per_block(0, 1, 2),
        "stride": per_block(1, 2),
        "activation": st.sampled_from(ACTIVATIONS),
        "normalization": st.sampled_from(NORMALIZATIONS),
        "dropout": st.sampled_from([0, 0.5]),
    }
)


@settings(max_examples=examples(60))
@given(CANDIDATES, st.integers(1, 16))
def test_what_is_not_refused_can_be_built_and_trained(candidate: dict[str, Any], side: int) -> None:
    network, recipe = read(candidate, {})
    shape = Shape(2, side, 5)
    if obstacle(network, recipe, shape) is None:
        model = build(network, shape)
        logits = model(torch.zeros(recipe.batch_size, 2, side, side))
        assert logits.shape == (recipe.batch_size, 5)
        torch.autograd.backward(logits.sum())


@settings(max_examples=examples(15))
@given(CANDIDATES)
def test_costs_are_those_that_torchs_counter_finds(candidate: dict[str, Any]) -> None:
    network, _ = read(candidate, {})
    shape = Shape(2, 16, 5)
    found = static(build(network, shape), shape)
    with torch.device("meta"):
        model, image = build(network, shape).eval(), torch.empty(1, 2, 16, 16)
    with FlopCounterMode(display=False) as counter:
        model(image)
    assert found.multiply_adds * 2 == counter.get_total_flops()
    assert found.parameters == sum(weights.numel() for weights in model.parameters())


# Parameters of the released models as torchvision (B1) and the authors' checkpoints have them; the paper rounds A1's to
# 3.9 and 312 million.
@pytest.mark.parametrize(
    ("decisions", "parameters", "millions"), [(A1, 3_887_038, 312), (B1, 4_383_312, 314)], ids=["A1", "B1"]
)
def test_released_mnasnets_are_points_of_the_space(decisions: dict[str, Any], parameters: int, millions: int) -> None:
    network, recipe = read(decisions, {})
    assert obstacle(network, recipe, IMAGENET) is None
    with torch.device("meta"):
        model, image = build(network, IMAGENET).eval(), torch.empty(1, 3, 224, 224)
    with FlopCounterMode(display=False) as counter:
        assert model(image).shape == (1, 1000)
    assert sum(weights.numel() for weights in model.parameters()) == parameters
    assert round(counter.get_total_flops() / 2e6) == millions


def test_b1_is_torchvisions_mnasnet() -> None:
    from torchvision.models import mnasnet1_0

    network, _ = read(B1, {})
    with torch.device("meta"):
        ours, theirs = build(network, IMAGENET), mnasnet1_0()
    shapes = [[tuple(weights.shape) for weights in model.parameters()] for model in (ours, theirs)]
    assert shapes[0] == shapes[1]


class TestLayer:
    @staticmethod
    def layer(inside: int, stride: int, **changes: Any) -> Layer:
        plain: dict[str, Any] = {"op": "regular", "kernel": 3, "expansion": 3, "se": 0.0, "skip": "none", "layers": 1}
        block = Block(**plain | changes, stride=stride)
        return Layer(inside, block, stride, normalization="none", activation="relu").eval()

    @pytest.mark.parametrize(
        ("skip", "inside", "stride", "added"),
        [
            ("identity", 4, 1, "images"),
            ("identity", 4, 2, None),
            ("identity", 3, 1, None),
            ("pool", 4, 2, "pooled"),
            ("pool", 3, 2, "pooled and padded"),
            ("pool", 5, 2, None),
            ("none", 4, 1, None),
        ],
    )
    def test_what_is_added_around_it(self, skip: str, inside: int, stride: int, added: str | None) -> None:
        layer = self.layer(inside, stride, filters=4, skip=skip)
        images = torch.ones(2, inside, 6, 6)
        around = layer(images) - layer.body(images)
        expected = torch.zeros_like(around)
        if added:
            # The mean of ones is one, also where the pool's window hangs over the edge.
            expected[:, :inside] = 1
        assert torch.allclose(around, expected, atol=1e-6)

    def test_squeeze_excitation_scales_between_nothing_and_all(self) -> None:
        layer = self.layer(8, 1, filters=8, op="inverted", se=0.25)
        (squeeze,) = (module for module in layer.modules() if isinstance(module, SqueezeExcitation))
        assert squeeze.squeeze.weight.shape == (2, 24, 1, 1)
        images = torch.rand(2, 24, 5, 5)
        scales = squeeze(images) / images
        assert ((scales > 0) & (scales < 1)).all()
        assert torch.allclose(scales, scales[:, :, :1, :1].expand_as(scales))


class TestReading:
    def test_a_blocks_own_value_wins_over_the_list_and_that_over_the_default(self) -> None:
        network, _ = read({"kernel_2": 7}, {"blocks": 3, "kernel": "5,3,1", "filters_3": 5})
        assert [block.kernel for block in network.blocks] == [5, 7, 1]
        assert [block.filters for block in network.blocks] == [16, 32, 5]
        assert [block.stride for block in network.blocks] == [1, 2, 2]

    def test_a_list_serves_all_depths_of_a_search(self) -> None:
        network, _ = read({"blocks": 2}, {"kernel": "5,3,1"})
        assert [block.kernel for block in network.blocks] == [5, 3]

    @given(st.integers(1, 2000), st.sampled_from([0.35, 0.5, 0.75, 1.4, 2]))
    def test_widths_are_multiples_of_eight_and_hardly_less_than_asked_for(self, channels: int, width: float) -> None:
        found = scaled(channels, width)
        assert found % 8 == 0
        assert 0.9 * channels * width <= found <= max(8, channels * width + 8)
        assert scaled(channels, 1) == channels

    @pytest.mark.parametrize(
        ("searched", "fixed", "words"),
        [
            ({"depth": 2}, {}, "unknown decision 'depth'; known are blocks, width, stem_filters"),
            ({"blocks": 0}, {}, "'blocks' must be a whole number not below 1, got 0"),
            ({"blocks": 10}, {}, "'blocks' must be at most 9, got 10"),
            ({"kernel": 4}, {}, r"'kernel' must be an odd whole number \(or one per block: A,B,…\), got 4"),
            ({"kernel_1": "3,5"}, {}, "'kernel_1' must be an odd whole number, got"),
            ({"op": "regular,fancy"}, {}, "'op' must be one of regular, separable, inverted"),
            ({"activation": "step"}, {}, "'activation' must be one of relu, relu6, swish"),
            ({"stem_stride": True}, {}, "'stem_stride' must be one of 1, 2, got true"),
            ({"dropout": 1}, {}, "'dropout' must be from 0 to below 1, got 1"),
            ({"learning_rate": 0}, {}, "'learning_rate' must be a number above 0, got 0"),
            ({"kernel_3": 3}, {"blocks": 2}, "'kernel_3' means nothing with 2 blocks; .* the values from 3 on"),
            ({"width": 1}, {"width": 2}, "'width' is a decision of the search: leave out the option --width"),
            ({}, {"blocks": 3, "kernel": "3,5"}, "'kernel' has 2 values for 3 blocks"),
            ({}, {"blocks": 2, "kernel": "3,5,7"}, "'kernel' has 3 values for 2 blocks"),
        ],
    )
    def test_mistakes_are_named(self, searched: dict[str, Any], fixed: dict[str, Any], words: str) -> None:
        with pytest.raises(ValueError, match=words):
            read(searched, fixed)


class TestFeasibility:
    @pytest.mark.parametrize(
        ("decisions", "side", "words"),
        [
            ({"blocks": 5}, 8, "block 5 halves an image of 1 pixel: a side of 8 is used up"),
            ({"blocks": 5, "stride_3": 1}, 8, None),
            ({"blocks": 5, "layers_3": 0}, 8, None),
            ({"stem_stride": 2, "blocks": 1}, 1, "the stem halves an image of 1 pixel"),
            ({"blocks": 4, "batch_size": 1}, 8, "batch normalization of one pixel needs a batch_size of 2"),
            ({"blocks": 4, "batch_size": 1, "normalization": "group"}, 8, None),
            ({"blocks": 3, "batch_size": 1}, 8, None),
        ],
    )
    def test_reasons(self, decisions: dict[str, Any], side: int, words: str | None) -> None:
        reason = obstacle(*read(decisions, {}), Shape(1, side, 10))
        assert (reason or "").startswith(words or "")
        assert (reason is None) == (words is None)
