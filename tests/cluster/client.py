"""What a test holds in its hand: one running cluster, spoken to with kubectl.

kubectl rather than a library: a test then sees what a user sees, messages included, and shares no code with what it
tests.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tests.cluster import credentials, processes
from tests.cluster.commands import run
from tests.cluster.state import Instance
from tests.cluster.waiting import wait_for

T = TypeVar("T")

Object = dict[str, Any]
Objects = list[Object]


class Cluster:
    """A running test cluster, with the administrator's rights."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance

    @property
    def kubeconfig(self) -> Path:
        return credentials.kubeconfig_path(self.instance, "admin")

    @property
    def server(self) -> str:
        """The API server's URL."""
        return self.instance.server

    def kubeconfig_for(self, user: str, groups: Sequence[str] = ()) -> Path:
        """A kubeconfig for that user; ``operator`` and ``viewer`` have a token, anyone else gets a certificate."""
        return credentials.kubeconfig_for(self.instance, user, groups)

    def kubectl(self, *args: str, input: str | None = None, user: Path | None = None) -> str:
        """Run kubectl and return what it printed; what it complained about is in the CommandFailed it raises."""
        program = self.instance.folder / "bin" / "kubectl"
        return run([program, f"--kubeconfig={user or self.kubeconfig}", *args], text_in=input, timeout=300)

    def helm(self, *args: str, input: str | None = None, user: Path | None = None) -> str:
        """Run helm and return what it printed; it keeps nothing on this machine but in the instance's folder."""
        program = self.instance.folder / "bin" / "helm"
        home = {name: str(self.instance.path("helm", name)) for name in ("HELM_CACHE_HOME", "HELM_CONFIG_HOME")}
        environment = {**os.environ, **home, "HELM_DATA_HOME": str(self.instance.path("helm", "data"))}
        command = [program, f"--kubeconfig={user or self.kubeconfig}", *args]
        return run(command, text_in=input, env=environment, timeout=600)

    def get(self, kind: str, name: str, namespace: str = "") -> Object:
        found: Object = json.loads(self.kubectl("get", kind, name, *_scope(namespace), "-o", "json"))
        return found

    def list(self, kind: str, namespace: str = "", selector: str = "", *, fields: str = "") -> Objects:
        """All objects of a kind; of all namespaces when none is named."""
        narrowed = [f"--selector={selector}", f"--field-selector={fields}"]
        scope = _scope(namespace) or ["--all-namespaces"]
        items: Objects = json.loads(self.kubectl("get", kind, *scope, *narrowed, "-o", "json"))["items"]
        return items

    def apply(self, manifests: str, namespace: str = "") -> str:
        """Apply YAML text, server-side: what a create or an update by hand would do, with no annotation left behind."""
        return self.kubectl("apply", "--server-side", *_scope(namespace), "-f", "-", input=manifests)

    def raw(self, path: str) -> str:
        """GET any path of the API server, such as ``/metrics``."""
        return self.kubectl("get", "--raw", path)

    @contextmanager
    def namespace(self, prefix: str = "test") -> Iterator[str]:
        """A fresh namespace; its deletion is asked for at the end but not awaited, nobody uses the name again."""
        name = f"{prefix}-{secrets.token_hex(4)}"
        self.kubectl("create", "namespace", name)
        wait = f"serviceaccount/default in {name}"
        self.wait_for(wait, lambda: self.list("serviceaccounts", name, fields="metadata.name=default"))
        try:
            yield name
        finally:
            self.kubectl("delete", "namespace", name, "--wait=false")

    def audit_events(self) -> Iterator[Object]:
        """Every request the API server answered so far, oldest first (health checks apart), without bodies.

        An answered request is already in the log: the server writes it before it answers. A running server rotates
        the log at 200 MB and keeps five such files.
        """
        for file in sorted((self.instance.folder / "audit").glob("audit*.log"), key=lambda path: path.stat().st_mtime):
            with file.open() as lines:
                yield from (json.loads(line) for line in lines if line.endswith("\n"))

    def writes(self, user: str, *, since: str = "") -> Objects:
        """The audit events in which that user asked for a change, from an RFC 3339 time on."""
        changing = {"create", "update", "patch", "delete", "deletecollection"}
        return [
            event
            for event in self.audit_events()
            if event["verb"] in changing
            and event["user"]["username"] == user
            and event["requestReceivedTimestamp"] >= since
        ]

    def wait_for(self, description: str, predicate: Callable[[], T], timeout: float = 30.0, interval: float = 0.1) -> T:
        """Return the predicate's first true value; a failing kubectl counts as "not yet"."""
        return wait_for(description, predicate, timeout, interval)

    def wait_established(self, *definitions: str) -> None:
        """Wait until kinds are served; kubectl's own wait gives up on a definition that has no conditions yet."""
        command = ("wait", "--for=condition=Established", *definitions)
        self.wait_for("the kinds to be served", lambda: self.kubectl(*command))

    def kill(self, component: str) -> None:
        """End one of the cluster's programs at once, as a crash would."""
        processes.end([self.instance.components[component].process])

    def restart(self, component: str) -> None:
        """Start a component again as it was started, ending it first if need be; return when it answers."""
        found = self.instance.components[component]
        processes.end([found.process])
        processes.start(self.instance, component, found.argv, health=found.health)
        processes.wait_healthy(self.instance, component)

    def log(self, component: str) -> str:
        """What that program has printed."""
        return processes.log_of(self.instance, component).read_text(errors="replace")


def _scope(namespace: str) -> list[str]:
    return [f"--namespace={namespace}"] if namespace else []
