"""By whose rights a viewer acts: never by more than their own."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from enum import Enum, auto

from starlette.requests import Request

from evonas.errors import EvonasError
from evonas.sources.live.seen import Origin, SeenSearch
from evonas.sources.options import Forbidden
from evonas.sources.source import SharedSource, Source
from evonas.ui.latest import Latest
from evonas.ui.threads import Once, in_thread

ASKED_AGAIN_SECONDS = 20.0
"""How long an answer about rights is believed."""
MAX_KEPT = 1000


class Acting(Enum):
    """Whose rights orders are carried out with."""

    NOBODY = auto()
    """Nothing is ever changed from here."""
    SELF = auto()
    """Those of who started the page, and alone uses it."""
    VIEWER = auto()
    """Those of each viewer, whose token a proxy passes."""


@dataclass(frozen=True)
class Rights:
    """How orders are carried out."""

    acting: Acting
    header: str = ""
    """Names the header with the viewer's token, where viewers act by their own rights."""

    def token(self, request: Request) -> str | None:
        """Return the viewer's own token, if one came."""
        if self.acting is not Acting.VIEWER:
            return None
        given = request.headers.getlist(self.header)
        if len(given) != 1:
            return None
        scheme, _, token = given[0].strip().partition(" ")
        return (token.strip() if scheme.lower() == "bearer" else given[0].strip()) or None

    def source(self, source: Source, seen: SeenSearch, token: str | None) -> Source:
        """Return the source by which a viewer acts on a search; Forbidden if there is none."""
        if (refused := self.refusal(seen, token)) is not None:
            raise Forbidden(refused)
        if self.acting is Acting.SELF:
            return source
        assert token is not None
        assert isinstance(source, SharedSource)
        return source.as_user(token)

    def refusal(self, seen: SeenSearch, token: str | None) -> str | None:
        """Return why nobody, or not this viewer, may change a search from here; None if the cluster is to be asked."""
        if self.acting is Acting.NOBODY:
            return "this page only shows; use the command line to change a search"
        if self.acting is Acting.SELF:
            return None
        if seen.origin is not Origin.CLUSTER:
            return "this page acts by the rights of its viewers, who have none on the machine that it runs on"
        if token is None:
            return f"who you are did not arrive: the proxy in front must pass your token as {self.header}"
        return None


class Reviews:
    """What the API server has said about the rights of viewers, for a little while."""

    def __init__(self) -> None:
        self._known = Latest[tuple[str, str], tuple[float, str]](MAX_KEPT)
        self._once = Once[str]()

    async def refusal(self, source: Source, seen: SeenSearch, token: str | None) -> str:
        """Return why a viewer may not change a search; empty if they may, or nobody need be asked."""
        if not isinstance(source, SharedSource):
            return ""
        key = (seen.id, "" if token is None else hashlib.sha256(token.encode()).hexdigest())
        asked, said = self._known.get(key) or (-ASKED_AGAIN_SECONDS, "")
        if time.monotonic() - asked < ASKED_AGAIN_SECONDS:
            return said
        return await self._once.make(key, lambda: self._ask(key, source))

    async def _ask(self, key: tuple[str, str], source: SharedSource) -> str:
        try:
            said = await in_thread(source.refusal)
        except EvonasError as error:
            said = str(error)
        self._known.put(key, (time.monotonic(), said))
        return said
