"""matplotlib's figure, in a module of its own: importing it takes longer than all else that a local run needs."""

from __future__ import annotations

import io

from matplotlib.figure import Figure


class Drawing(Figure):
    """A figure that notebooks show as a picture, also those that did not set up matplotlib."""

    def _repr_png_(self) -> bytes:
        content = io.BytesIO()
        self.savefig(content, format="png", dpi=100)
        return content.getvalue()
