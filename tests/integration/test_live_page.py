"""The live page over a real control plane: what changes there is on the page, by the rights of whoever looks."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser, Page, expect

from harness.client import Cluster
from harness.fixtures import skipping
from tests import built_page
from tests.browser import chromium, visit
from tests.integration.asked import assert_watched_by_one, lists_and_watches
from tests.integration.relay import Relay
from tests.integration.rights import wait_for_right
from tests.integration.searches import HELD, let_go, running, trials
from tests.operator_process import OperatorProcess, search
from tests.page.conftest import serving
from tests.page.serving import Server

pytestmark = pytest.mark.kwok
Apply = Callable[[dict[str, Any]], None]
NAME, PARALLEL = "counting", 2


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with skipping():
        built_page.build()
    with chromium() as started:
        yield started


def held(name: str, count: int = 6) -> dict[str, Any]:
    """Return a search whose trials run until they are let go."""
    body = search(name, budget={"maxTrials": count, "parallelTrials": PARALLEL})
    body["spec"]["trial"]["template"]["metadata"] = {"annotations": HELD}
    return body


@pytest.fixture
def under_way(cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply) -> None:
    """A search of which two trials run."""
    apply(held(NAME))
    cluster.wait_for("running pods", lambda: len(running(cluster, namespace)) == PARALLEL)


@pytest.fixture
def viewer(cluster: Cluster, namespace: str, tmp_path: Path) -> Path:
    """The kubeconfig of a ServiceAccount that may look at everything in the namespace, and change nothing."""
    name = "looker"
    cluster.kubectl("create", "serviceaccount", name, "-n", namespace)
    binding = ("--clusterrole=view", f"--serviceaccount={namespace}:{name}")
    cluster.kubectl("create", "rolebinding", name, "-n", namespace, *binding)
    token = cluster.kubectl("create", "token", name, "-n", namespace).strip()
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    path = tmp_path / "looker.kubeconfig"
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(config))
    wait_for_right(cluster, namespace, f"system:serviceaccount:{namespace}:{name}", "list", "nas", "nastrial", "pods")
    return path


def seeing(folder: Path, namespace: str, kubeconfig: Path) -> Any:
    """Serve the searches of a namespace."""
    return serving(folder, "--kubeconfig", str(kubeconfig), "-n", namespace)


@pytest.fixture
def server(cluster: Cluster, namespace: str, under_way: None, tmp_path: Path) -> Iterator[Server]:
    with seeing(tmp_path, namespace, cluster.kubeconfig) as started:
        yield started


def expect_results(page: Page, count: int) -> None:
    course = page.get_by_role("application", name=re.compile(r"^reward over results"))
    expect(course).to_have_accessible_name(re.compile(rf"\b{count} results?;"))


def suspended(cluster: Cluster, namespace: str) -> bool:
    return bool(cluster.get("nas", NAME, namespace)["spec"].get("suspend", False))


def test_a_search_in_a_cluster_fills_the_page_by_itself(
    cluster: Cluster, namespace: str, server: Server, browser: Browser
) -> None:
    with visit(server.page_of(NAME), within=browser) as seen, visit(server.at(), within=browser) as listed:
        under_way = seen.page.get_by_role("region", name="Running trials", exact=True)
        expect(under_way.get_by_role("link", name="trial 0", exact=True)).to_be_visible()
        let_go(cluster, namespace)
        expect_results(seen.page, 2)
        row = listed.page.get_by_role("row").filter(has=listed.page.get_by_role("link", name=NAME, exact=True))
        expect(row.get_by_role("img", name=re.compile("2 succeeded"))).to_be_visible()
        for count in (4, 6):
            # Those that were let go have ended: these are others.
            cluster.wait_for("running pods", lambda: len(running(cluster, namespace)) == PARALLEL)
            let_go(cluster, namespace)
            expect_results(seen.page, count)
        expect(seen.page.locator("h1 + .mark")).to_have_text("Complete")
        expect(row).to_contain_text("Complete")
        seen.page.get_by_role("link", name="Events", exact=True).click()
        expect(seen.page.get_by_role("region", name="Events", exact=True).last).to_contain_text("Complete")
        assert seen.complaints == []


def test_who_may_change_a_search_suspends_and_resumes_it(
    cluster: Cluster, namespace: str, server: Server, browser: Browser
) -> None:
    with visit(server.page_of(NAME), within=browser) as seen:
        page = seen.page
        for action, wanted in (("Suspend", True), ("Resume", False)):
            page.get_by_role("button", name="Act…").click()
            dialog = page.get_by_role("dialog")
            dialog.get_by_role("button", name=action, exact=True).click()
            dialog.get_by_role("button", name="Preview").click()
            expect(dialog.locator("pre")).to_contain_text(f"kubectl patch nas {NAME} -n {namespace}")
            assert suspended(cluster, namespace) is not wanted
            dialog.get_by_role("button", name=action, exact=True).click()
            expect(dialog.get_by_role("button", name="Another action")).to_be_visible()
            assert suspended(cluster, namespace) is wanted
            page.keyboard.press("Escape")
            phase = page.locator("h1 + .mark")
            expect(phase).to_have_text("Suspended" if wanted else "Running")


def test_who_may_only_look_is_refused_by_the_page_and_by_the_cluster(
    cluster: Cluster, namespace: str, under_way: None, viewer: Path, tmp_path: Path, browser: Browser
) -> None:
    with seeing(tmp_path, namespace, viewer) as server, visit(server.page_of(NAME), within=browser) as seen:
        page = seen.page
        expect(page.get_by_role("region", name="Running trials", exact=True)).to_be_visible()
        page.get_by_role("button", name="Act…").click()
        suspend = page.get_by_role("dialog").get_by_role("button", name="Suspend")
        expect(suspend).to_have_attribute("aria-disabled", "true")
        expect(suspend).to_have_accessible_description(re.compile("may not|patch|forbid", re.IGNORECASE))
        headers = {"Content-Type": "application/json", "X-Evonas-Request": "1"}
        path = f"/api/v1/searches/{server.id_of(NAME)}/actions"
        status, said = server.ask(path, {"action": "suspend"}, headers)
        assert status == 403, said
        assert not suspended(cluster, namespace)
        # Looking needs no more than that: what happens is on the page.
        let_go(cluster, namespace)
        page.keyboard.press("Escape")
        expect_results(page, 2)


def test_a_cluster_that_says_nothing_is_said_to_be_out_of_date_until_it_does(
    cluster: Cluster, namespace: str, under_way: None, tmp_path: Path, browser: Browser
) -> None:
    with Relay(cluster.server) as relay:
        kubeconfig = relay.kubeconfig(cluster.kubeconfig)
        with seeing(tmp_path, namespace, kubeconfig) as server, visit(server.page_of(NAME), within=browser) as seen:
            stale = seen.page.get_by_role("alert").filter(has_text="may be out of date")
            expect(seen.page.get_by_role("region", name="Running trials", exact=True)).to_be_visible()
            expect(stale).to_have_count(0)
            relay.fall_silent()
            let_go(cluster, namespace)
            relay.break_off()
            expect(stale).to_be_visible()
            # What was known stays, and the page's own stream is whole.
            expect(seen.page.get_by_role("heading", level=1)).to_have_text(NAME)
            relay.pass_on()
            expect(stale).to_have_count(0)
            expect_results(seen.page, 2)


def test_a_search_that_is_deleted_in_the_cluster_while_looked_at_says_so(
    cluster: Cluster, namespace: str, server: Server, browser: Browser
) -> None:
    with visit(server.page_of(NAME), within=browser) as seen:
        expect(seen.page.get_by_role("region", name="Running trials", exact=True)).to_be_visible()
        cluster.kubectl("delete", "nas", NAME, "-n", namespace, "--wait=false")
        expect(seen.page.get_by_role("alert").filter(has_text="This search has been deleted")).to_be_visible()
        expect(seen.page.get_by_role("heading", level=1)).to_have_text(NAME)
        # One of the same name is another search.
        cluster.wait_for("its end", lambda: not trials(cluster, namespace))


def test_who_looks_costs_the_cluster_one_list_and_one_watch_a_kind(
    cluster: Cluster, namespace: str, under_way: None, tmp_path: Path, browser: Browser
) -> None:
    user = f"page-{namespace}"
    cluster.kubectl("create", "rolebinding", user, "-n", namespace, "--clusterrole=edit", f"--user={user}")
    kubeconfig = cluster.kubeconfig_for(user)
    wait_for_right(cluster, namespace, user, "list", "nas", "nastrial", "pods")
    began = time.monotonic()
    with seeing(tmp_path, namespace, kubeconfig) as server:
        with visit(server.page_of(NAME), within=browser) as first:
            expect(first.page.get_by_role("region", name="Running trials", exact=True)).to_be_visible()
            cluster.wait_for("all kinds to be listed", lambda: len(_lists(cluster, user)) == 3)
            lists = _lists(cluster, user)
            assert set(lists.values()) == {1}, lists
            with visit(server.page_of(NAME), within=browser) as second, visit(server.at(), within=browser) as third:
                let_go(cluster, namespace)
                for seen in (first, second):
                    expect_results(seen.page, 2)
                expect(third.page.get_by_role("link", name=NAME, exact=True)).to_be_visible()
        assert _lists(cluster, user) == lists
        assert_watched_by_one(lists_and_watches(cluster, user), lists, began)


def _lists(cluster: Cluster, user: str) -> dict[str, int]:
    """Return how often a user has listed each kind so far."""
    return {kind: count for (verb, kind), count in lists_and_watches(cluster, user).items() if verb == "list"}
