"""What all routes share: the searches, what is kept of the answers, and by whose rights orders are carried out."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from evonas.sources.live.directory import LiveSearches
from evonas.sources.options import ClusterOptions
from evonas.ui.analyses import Analyses
from evonas.ui.changes import Changes
from evonas.ui.encoding import Answers, Packed
from evonas.ui.happenings import HappeningsDesk
from evonas.ui.lines import Lines
from evonas.ui.paced import Paced
from evonas.ui.pages import Pages
from evonas.ui.threads import Turns
from evonas.ui.viewers import Acting, Reviews, Rights


@dataclass(frozen=True)
class Settings:
    """What `evonas ui` was told."""

    rights: Rights = field(default_factory=lambda: Rights(Acting.NOBODY))
    cluster: ClusterOptions | None = None
    """As given on the command line, for the commands that are shown."""
    prometheus: str | None = None
    """Address of the Prometheus that knows the alerts."""
    pages: Pages = field(default_factory=Pages)


class Service:
    """Serves the searches to all viewers; belongs to one event loop."""

    def __init__(self, live: LiveSearches, settings: Settings) -> None:
        self.live = live
        self.settings = settings
        self.rights = settings.rights
        self.pages = settings.pages
        self.started = time.time()
        self.turns = Turns()
        self.answers = Answers()
        self.details = Paced()
        self.ranks = Paced()
        self.analyses = Analyses(live, self.turns)
        self.changes = Changes(live)
        self.reviews = Reviews()
        self.lines = Lines()
        self.happenings = HappeningsDesk(live, settings.prometheus)

    async def answer(self, request: Request, key: Hashable, make: Callable[[], Awaitable[Packed]]) -> Response:
        """Return what is kept under a key, or make it; the key names the revisions that the answer depends on."""
        packed = await self.answers.get(key, make)
        return packed.answer(request)
