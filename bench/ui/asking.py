"""What viewers cost an API server: requests of the page's account by verb and kind."""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import yaml

from bench.ui.viewers import look
from harness.client import Cluster
from tests.integration.searches import wait_until
from tests.operator_process import OperatorProcess, install, search
from tests.page.conftest import serving

TRIALS = 60


def asked(cluster: Cluster, viewers: int) -> Counter[str]:
    """Return what a server asks while a search runs from beginning to end and so many look at it."""
    install(cluster)
    user = f"page-{viewers}"
    with cluster.namespace("page") as namespace, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        binding = ("rolebinding", user, "--clusterrole=view", f"--user={user}")
        cluster.kubectl("create", *binding, "-n", namespace)
        kubeconfig = cluster.kubeconfig_for(user)
        may = ("auth", "can-i", "list", "nas", "-n", namespace)
        cluster.wait_for("the right to look", lambda: "yes" in cluster.kubectl(*may, user=kubeconfig))
        operator = OperatorProcess(cluster, folder / "operator.log", [namespace])
        operator.start()
        with serving(folder, "--kubeconfig", str(kubeconfig), "-n", namespace) as server:
            body = search("watched", budget={"maxTrials": TRIALS})
            cluster.apply(yaml.safe_dump(body), namespace)
            id = server.id_of("watched")
            looking = threading.Thread(target=lambda: asyncio.run(look(server.address, id, viewers, 25)))
            looking.start()
            wait_until(cluster, namespace, "watched", "Complete")
            time.sleep(2)
            looking.join()
        operator.stop()
        return Counter(
            f"{event['verb']} {event['objectRef']['resource']}"
            for event in cluster.audit_events(user)
            if event["user"]["username"] == user
            and "objectRef" in event
            # A watch is told of when it begins and when it ends.
            and (event["verb"] != "watch" or event["stage"] == "ResponseStarted")
        )
