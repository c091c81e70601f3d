"""``python -m bench.ui``: what the live page costs and how fast it is, as a table.

First meaningful page: with an empty cache, from the request until state, best value and the course with the line of the
best so far are drawn. Frames: times between two calls of requestAnimationFrame. Trial's end: the time of its report
until its row is on the page. Viewers ask as the page does. Parts can be chosen: ``python -m bench.ui page freshness``.
"""

from __future__ import annotations

import platform
import shutil
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import click
import psutil

from bench.printing import print_rows
from bench.ui.asking import asked
from bench.ui.browsing import brushed, first_pages, percentile, scrolled
from bench.ui.freshness import delays
from bench.ui.records import SEARCHES, TRIALS, write_many
from bench.ui.serving import memory, processor
from bench.ui.weight import weigh
from harness.fixtures import running
from harness.state import Options
from tests import built_page
from tests.browser import chromium
from tests.page.conftest import serving
from tests.page.searches import write_large

Row = dict[str, object]
LARGE = 10_000


def page(folder: Path, loads: int) -> Iterator[Row]:
    """Time the page of a large search."""
    write_large(folder / "runs", "large", LARGE)
    with chromium() as browser, serving(folder, str(folder / "runs")) as server:
        address = server.page_of("large")
        first, *others = first_pages(browser, address, loads + 1)
        yield _row(
            f"first meaningful page, {LARGE} trials, median of {loads}", f"{statistics.median(others):.2f} s", "1.5 s"
        )
        yield _row("the same, slowest", f"{max(others):.2f} s", "")
        yield _row("the same, the first after the server's start", f"{first:.2f} s", "")
        for what, frames in (("scrolling", scrolled(browser, address)), ("brushing", brushed(browser, address))):
            said = f"{percentile(frames, 95):.0f} ms (median {statistics.median(frames):.0f}, most {max(frames):.0f})"
            yield _row(f"{what}, frames at the 95th percentile of {len(frames)}", said, "50 ms")


def freshness(folder: Path, loads: int) -> Iterator[Row]:
    """Time trials' ends."""
    count = max(20, loads)
    (folder / "runs").mkdir()
    with chromium() as browser, serving(folder, str(folder / "runs")) as server:
        found = delays(folder, server, browser, count)
    said = f"{statistics.median(found):.2f} s (most {max(found):.2f})"
    yield _row(f"trial's end until it is on the page, median of {count}", said, "1 s")


def server(folder: Path, loads: int) -> Iterator[Row]:
    """Weigh the server with many searches."""
    write_many(folder / "runs")
    found = memory(folder, SEARCHES)
    seconds = found.pop("seconds until all are known")
    yield _row(f"server with {SEARCHES} searches, {SEARCHES * TRIALS} trials, all known after", f"{seconds:.1f} s", "")
    for when, mebibytes in found.items():
        yield _row(f"its memory, {when}", f"{mebibytes:.0f} MiB", "250 MB")


def viewers(folder: Path, loads: int) -> Iterator[Row]:
    """Measure the server's processor time with viewers."""
    write_many(folder / "runs", SEARCHES - 1)
    for known in (TRIALS, LARGE):
        for count in (0, 1, 20):
            found = processor(folder, count, 2.0, known, 30)
            shutil.rmtree(folder / "runs" / "changing")
            rates = ", ".join(f"{rate:.3g} {what}" for what, rate in found.items() if what != "share")
            said = f"{100 * found['share']:.0f} % of a core{f' ({rates})' if rates else ''}"
            yield _row(
                f"{count} viewers of a search with {known} trials that changes twice a second",
                said,
                "20 %" if count == 20 else "",
            )


def cluster(folder: Path, loads: int) -> Iterator[Row]:
    """Count requests to a real API server."""
    with running("kwok", Options(fast=True, kwok_trial_seconds=1)) as started:
        for count in (1, 20):
            said = ", ".join(f"{number} {what}" for what, number in sorted(asked(started, count).items()))
            yield _row(f"requests to the API server, {count} viewers", said, "one list, one watch a kind")


def weight(folder: Path, loads: int) -> Iterator[Row]:
    """Weigh the build."""
    found = weigh(built_page.build())
    said = ", ".join(f"{size / 1000:.1f} {kind}" for kind, size in found.most_common())
    yield _row("the page, compressed, kB", f"{found.total() / 1000:.0f} ({said})", "500 kB")


PARTS: Mapping[str, Callable[[Path, int], Iterator[Row]]] = {
    each.__name__: each for each in (weight, page, freshness, server, viewers, cluster)
}


def _row(what: str, measured: str, reach: str) -> Row:
    return {"what": what, "measured": measured, "to reach": reach}


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice([*PARTS]))
@click.option("--loads", default=7, show_default=True, help="Loads of the page, and at least 20 ends of trials.")
def main(parts: tuple[str, ...], loads: int) -> None:
    """Measure PARTS, or all."""
    built_page.build()
    rows: list[Row] = []
    for name in parts or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            for row in PARTS[name](Path(folder), loads):
                click.echo(f"{row['what']}: {row['measured']}")
                rows.append(row)
    machine = f"{psutil.cpu_count()} cores, Python {platform.python_version()}, load {psutil.getloadavg()[0]:.1f}"
    print_rows(f"the live page, {machine}", rows)


if __name__ == "__main__":
    main()
