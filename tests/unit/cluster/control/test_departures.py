"""What was cut short holds its place until nothing of it runs, and no longer than its node may take to end it."""

from __future__ import annotations

from datetime import timedelta

from evonas.cluster.control.departures import PATIENCE, Departures

GRACE = timedelta(seconds=30)


def test_an_attempt_is_waited_for_from_its_stop_to_its_end_and_its_time_is_told_once() -> None:
    departures = Departures()
    assert departures.note({(0, 1), (3, 2)}, 100.0) == []
    assert departures.note({(0, 1), (3, 2), (4, 1)}, 101.0) == []
    assert departures.waited_for(GRACE, 101.0)[0] == 3
    assert sorted(departures.note({(4, 1)}, 102.5)) == [2.5, 2.5]
    assert departures.waited_for(GRACE, 102.5)[0] == 1
    assert departures.note(set(), 103.0) == [2.0]
    assert departures.note(set(), 104.0) == []
    assert departures.waited_for(GRACE, 104.0) == (0, None)


def test_a_node_that_does_not_answer_is_not_waited_for() -> None:
    departures = Departures()
    departures.note({(0, 1)}, 100.0)
    departures.note({(0, 1), (1, 1)}, 110.0)
    patience = (GRACE + PATIENCE).total_seconds()
    assert departures.waited_for(GRACE, 110.0) == (2, patience - 10)
    assert departures.waited_for(GRACE, 100.0 + patience) == (1, 10.0)
    assert departures.waited_for(GRACE, 110.0 + patience) == (0, None)
