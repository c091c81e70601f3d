"""The built page: index.html for its addresses, and files whose names have a hash, which browsers may keep for ever.

All files are read once, at the start: no path that is asked for ever reaches a file system.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from evonas.ui.encoding import Packed

STATIC = Path(__file__).parent / "static"
INDEX = "index.html"
NOT_BUILT = (
    "The page itself was not built: this checkout lacks operator/evonas/ui/static/index.html. Run `make ui`, or"
    " install a released wheel. The API below /api/v1/ works all the same."
)
FOR_EVER = "public, max-age=31536000, immutable"
REVALIDATED = "no-cache"
_HASHED = re.compile(r"[-.][A-Za-z0-9_-]{8,}\.\w+$")
"""As Vite names what it builds: index-BkZ3xq1a.js."""
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
_PACKED = ("text/", "image/svg", "application/json")


class Pages:
    """The files of a built page by their addresses."""

    def __init__(self, folder: Path = STATIC) -> None:
        self._files: Mapping[str, Packed] = {}
        self._index: Packed | None = None
        if (folder / INDEX).is_file():
            paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
            self._files = {f"/{path.relative_to(folder).as_posix()}": _read(path) for path in paths}
            self._index = self._files[f"/{INDEX}"]

    @property
    def built(self) -> bool:
        """Whether there is a page at all."""
        return self._index is not None

    def index(self, request: Request) -> Response:
        """Return the page, whatever its address: its own program reads that."""
        if self._index is None:
            return PlainTextResponse(f"{NOT_BUILT}\n", status_code=503)
        return self._index.answer(request, headers={"Cache-Control": REVALIDATED})

    def file(self, request: Request) -> Response | None:
        """Return the file at an address; None if there is none."""
        path = request.url.path
        found = self._files.get(path)
        if found is None:
            return None
        keeps = FOR_EVER if path.startswith("/assets/") and _HASHED.search(path) else REVALIDATED
        return found.answer(request, headers={"Cache-Control": keeps})


def _read(path: Path) -> Packed:
    type = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    content = path.read_bytes()
    return Packed.of(content, type) if type.startswith(_PACKED) else Packed(content, False, type)
