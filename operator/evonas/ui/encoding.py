"""Answers as bytes: encoded and compressed once, however many ask.

JSON needs no escaping for HTML: no answer is ever part of a page.
"""

from __future__ import annotations

import gzip
import json
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError
from starlette.requests import Request
from starlette.responses import Response

from evonas.ui.threads import Once

WORTH_PACKING = 1400
"""Bytes that fit one packet anyway."""
LEVEL = 5
"""Of gzip: JSON of columns becomes a fifth of its size, and a higher level takes much longer for little."""
MAX_KEPT = 24 << 20
"""Bytes of answers that are kept."""
APIECE = 1 << 10
"""Bytes that keeping an answer takes besides its content: most are short, of what has changed since a moment ago."""


def encode(model: BaseModel) -> bytes:
    """Return a model as JSON in UTF-8; numbers that are not finite become null, half a surrogate pair a mark."""
    try:
        return model.model_dump_json(by_alias=True, warnings=False).encode()
    except PydanticSerializationError:
        # A record may hold what is no character: JSON can write it, UTF-8 cannot.
        return json.dumps(_whole(model.model_dump(by_alias=True, mode="python", warnings=False))).encode()


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {_whole(key): _whole(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [*map(_whole, value)]
    return value


@dataclass(frozen=True)
class Packed:
    """An encoded answer."""

    content: bytes
    is_packed: bool
    """Whether the content is compressed."""
    type: str = "application/json"

    @classmethod
    def of(cls, content: bytes, type: str = "application/json") -> Packed:
        """Compress an answer if that is worth while."""
        if len(content) < WORTH_PACKING:
            return cls(content, False, type)
        return cls(gzip.compress(content, LEVEL, mtime=0), True, type)

    def answer(self, request: Request, *, headers: dict[str, str] | None = None) -> Response:
        """Return the response for a client that may not take compressed content."""
        headers = {**(headers or {}), "Vary": "Accept-Encoding"}
        if not self.is_packed:
            return Response(self.content, media_type=self.type, headers=headers)
        if takes_gzip(request.headers.get("accept-encoding", "")):
            return Response(self.content, media_type=self.type, headers={**headers, "Content-Encoding": "gzip"})
        return Response(gzip.decompress(self.content), media_type=self.type, headers=headers)


def takes_gzip(accepted: str) -> bool:
    """Return whether a client that accepts these encodings takes gzip."""
    for entry in accepted.lower().split(","):
        name, _, weight = entry.partition(";")
        if name.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


class Answers:
    """The latest answers by what was asked; those who ask the same at the same time wait for one making of it."""

    def __init__(self, most: int = MAX_KEPT) -> None:
        self._most = most
        self._size = 0
        self._kept: OrderedDict[Hashable, Packed] = OrderedDict()
        self._once = Once[Packed]()

    async def get(self, key: Hashable, make: Callable[[], Awaitable[Packed]]) -> Packed:
        """Return the answer to ``key``, made now if it is not kept."""
        if (known := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            return known
        return await self._once.make(key, lambda: self._make(key, make))

    async def _make(self, key: Hashable, make: Callable[[], Awaitable[Packed]]) -> Packed:
        made = await make()
        if _size(made) <= self._most:
            self._kept[key] = made
            self._size += _size(made)
            while self._size > self._most:
                _, oldest = self._kept.popitem(last=False)
                self._size -= _size(oldest)
        return made


def _size(kept: Packed) -> int:
    return len(kept.content) + APIECE
