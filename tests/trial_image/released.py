"""MnasNet's released models as decisions (arXiv 1807.11626, figure 7; the repository of its authors)."""

from __future__ import annotations

from typing import Any

_COMMON: dict[str, Any] = {
    "blocks": 7,
    "stem_filters": 32,
    "stem_stride": 2,
    "head_filters": 1280,
    "op": "separable" + 6 * ",inverted",
    "stride": "1,2,2,2,1,2,1",
    "dropout": 0.2,
}
A1 = _COMMON | {
    "kernel": "3,3,5,3,3,5,3",
    "expansion": "1,6,3,6,6,6,6",
    "se": "0,0,0.25,0,0.25,0.25,0",
    "skip": "none" + 6 * ",identity",
    "filters": "16,24,40,80,112,160,320",
    "layers": "1,2,3,4,2,3,1",
}
B1 = _COMMON | {
    "kernel": "3,3,5,5,3,5,3",
    "expansion": "1,3,3,6,6,6,6",
    "skip": "none" + 5 * ",identity" + ",none",
    "filters": "16,24,40,80,96,192,320",
    "layers": "1,3,3,3,2,4,1",
}
