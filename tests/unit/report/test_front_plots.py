"""The picture of fronts: every result is seen, and called what it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection

from evonas.recorded.search import RecordedSearch
from evonas.report.drawing import Drawing
from evonas.report.front_plots import draw_fronts
from tests.unit.search.fronts import THREE, TWO, made_of

LIMITED = ({**TWO[0], "reference": 0.25}, TWO[1])


def only(record: RecordedSearch) -> Drawing:
    return draw_fronts({"here": record})


def drawn(axes: Axes) -> dict[str, list[Sequence[float]]]:
    """Return the places of the markers by what they are called."""
    return {
        str(each.get_label()): [tuple(place) for place in np.asarray(each.get_offsets()).tolist()]
        for each in axes.collections
    }


def legend(figure: Drawing) -> list[str]:
    figure.draw_without_rendering()
    (found,) = figure.legends
    assert all(axes.get_legend() is None for axes in figure.axes)
    return [text.get_text() for text in found.get_texts()]


def test_what_is_worse_than_a_reference_is_not_called_dominated() -> None:
    figure = only(made_of((0.5, 9.0), (0.4, 9.5), (0.1, 1.0), objectives=LIMITED))
    left = figure.axes[0]
    assert drawn(left) == {
        "on the front": [(9.0, 0.5)],
        "dominated": [(9.5, 0.4)],
        "worse than a reference": [(1.0, 0.1)],
    }
    assert [np.asarray(line.get_ydata()).tolist() for line in left.lines] == [[0.25, 0.25]]
    assert legend(figure) == ["on the front", "dominated", "worse than a reference", "reference"]
    assert legend(only(made_of((0.5, 9.0)))) == ["on the front"]
    assert legend(only(made_of())) == ["on the front"]


@pytest.mark.parametrize(("objectives", "title"), [(TWO, "Front"), (THREE, "not shown: energy_mj")])
def test_a_picture_says_which_objectives_it_does_not_show(objectives: Any, title: str) -> None:
    assert title in only(made_of((0.5, 9.0), objectives=objectives)).axes[0].get_title()


def test_members_of_one_front_do_not_hide_those_of_another() -> None:
    same = made_of((0.5, 9.0), (0.4, 8.0))
    figure = draw_fronts(dict.fromkeys("abcdefghij", same))
    markers = figure.axes[0].collections
    assert [len(places) for places in drawn(figure.axes[0]).values()] == [2] * 10
    assert all(not len(each.get_facecolor()) for each in markers)
    looks = {
        (*each.get_sizes().tolist(), np.asarray(each.get_paths()[0].vertices).tobytes())
        for each in markers
        if isinstance(each, PathCollection)
    }
    assert len(looks) == len(markers)
    assert legend(figure) == [*"abcdefghij"]


def test_a_legend_of_many_long_names_leaves_the_pictures_their_room() -> None:
    same = made_of((0.5, 9.0), (0.4, 8.0))
    figure = draw_fronts({f"{number:02}-{'x' * 60}": same for number in range(30)})
    assert len(legend(figure)) == 30
    assert all(axes.get_window_extent().height > 2 * figure.dpi for axes in figure.axes)
    box = figure.legends[0].get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.width
