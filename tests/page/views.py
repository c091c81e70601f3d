"""The views of the page, and when one has come to rest."""

from __future__ import annotations

from collections.abc import Mapping

from playwright.sync_api import Page, expect

from tests.page.serving import Server

TABS = ("overview", "trials", "explore", "analysis", "events", "manifest")


def settle(page: Page) -> None:
    """Wait until the page shows what it was asked for: nothing is being read any more."""
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    # Charts are drawn in the frame after the one in which they were put into the page.
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def views_of(server: Server) -> Mapping[str, str]:
    """Return the addresses of all kinds of views, by what they show."""
    learned, again = server.page_of("learned"), server.id_of("learned-again")
    return {
        "list": server.at(),
        **{tab: f"{learned}?tab={tab}" for tab in TABS},
        "selection": f"{learned}?tab=explore&select=1-5",
        "clone": f"{learned}?tab=manifest&clone=1",
        "trial": server.page_of("learned", trial=20),
        "comparison": server.at(f"/compare?id={server.id_of('learned')}&id={again}"),
        "limits": f"{server.page_of('limited')}?tab=explore",
        "rungs": server.page_of("stopped-early"),
        "rungs analysed": f"{server.page_of('stopped-early')}?tab=analysis",
        "paused": f"{server.page_of('paused')}?tab=trials",
        "failed": server.page_of("failed"),
        "failed trial": server.page_of("failed", trial=0),
        "hostile": server.page_of("hostile"),
        "unknown": server.at("/nowhere"),
        "front": server.page_of("front"),
        "front explored": f"{server.page_of('three')}?tab=explore&up=energy_mj&across=accuracy",
        "front's trial": server.page_of("front", trial=30),
        "fronts compared": server.at(f"/compare?id={server.id_of('front')}&id={server.id_of('front-again')}"),
    }
