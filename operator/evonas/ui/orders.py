"""Carrying out orders, or only checking them. Blocks: a source writes files, or asks a cluster."""

from __future__ import annotations

from collections.abc import Sequence

from evonas.recorded.enqueuing import check_candidates
from evonas.recorded.search import RecordedSearch
from evonas.search.backlog import Decisions
from evonas.sources.source import Source
from evonas.ui.actions import change_of
from evonas.ui.models import ActionName, Order


def carry_out(source: Source, order: Order) -> None:
    """Do what an order says, or only check it; EvonasError if that is impossible, Forbidden if the viewer may not."""
    preview = order.preview
    if (change := change_of(order)) is not None:
        source.change(change, preview=preview)
    elif order.decisions is not None:
        candidate = order.decisions

        def choose(record: RecordedSearch, listed: Sequence[Decisions]) -> Sequence[Decisions]:
            return check_candidates(record, listed, [candidate])

        source.enqueue(choose, preview=preview)
    elif order.trial is not None:
        if order.action is ActionName.VETO:
            source.veto(order.trial, order.because, preview=preview)
        else:
            source.pin(order.trial, stays=order.action is ActionName.PIN, preview=preview)
