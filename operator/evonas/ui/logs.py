"""The end of what an attempt has printed, as text that is no longer than a page can show."""

from __future__ import annotations

from evonas.search.trial import Trial
from evonas.sources.source import Source

MAX_BYTES = 2 << 20


class _End:
    """Keeps the last bytes of what is written to it."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self.cut = False

    def write(self, chunk: bytes) -> None:
        self._kept += chunk
        if len(self._kept) > 2 * MAX_BYTES:
            self._trim()

    def text(self) -> str:
        self._trim()
        text = self._kept.decode("utf-8", "replace")
        # The first of the lines may have lost its beginning.
        return text.partition("\n")[2] if self.cut else text

    def _trim(self) -> None:
        if len(self._kept) > MAX_BYTES:
            self.cut = True
            del self._kept[:-MAX_BYTES]


def read_log(source: Source, trial: Trial, attempt: int, tail: int) -> str:
    """Return the last lines; EvonasError if nothing is kept. Blocks."""
    end = _End()
    source.log(trial, attempt, end.write, follow=False, tail=tail)
    return end.text()
