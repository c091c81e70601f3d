"""Reading a record again and again, for whoever shows a search or waits for its end."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

from evonas.recorded.search import RecordedSearch
from evonas.sources.source import Source

SHARE = 10
"""Reading, and what is done with a record, take at most a tenth of the time, however many trials there are."""


def follow(source: Source, interval: float, *, deadline: float = math.inf) -> Iterator[RecordedSearch]:
    """Yield the record now and every ``interval`` seconds, the last time once nothing works on the search any more, or
    when the monotonic clock has come to the ``deadline``.
    """
    while True:
        began = time.monotonic()
        record = source.read()
        yield record
        ended = time.monotonic()
        if record.phase.is_at_rest or ended >= deadline:
            return
        time.sleep(min(max(interval, SHARE * (ended - began)), deadline - ended))
