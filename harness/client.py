"""What a test holds in its hand: one running cluster.

What it does there once, it does with kubectl and so sees what a user sees, messages included; what it looks at again
and again, it asks the API server itself (``harness.rest``). It shares no code with what it tests.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from harness import credentials, processes
from harness.commands import run
from harness.rest import Rest
from harness.state import Instance
from harness.waiting import PATIENCE, wait_for

T = TypeVar("T")

Object = dict[str, Any]
Objects = list[Object]


class Cluster:
    """A running test cluster, with the administrator's rights."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.rest = Rest(instance)

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
        """One object; CommandFailed where there is none."""
        return self.rest.get(kind, name, namespace)

    def list(self, kind: str, namespace: str = "", selector: str = "", *, fields: str = "") -> Objects:
        """All objects of a kind; of all namespaces when none is named."""
        return self.rest.list(kind, namespace, selector, fields)

    def apply(self, manifests: str, namespace: str = "") -> None:
        """Apply YAML text, server-side: what a create or an update by hand would do, with no annotation left behind."""
        self.rest.apply(manifests, namespace)

    def annotate(self, kind: str, name: str, namespace: str, annotations: Mapping[str, str]) -> None:
        """Set annotations of an object."""
        self.rest.merge(kind, name, namespace, {"metadata": {"annotations": dict(annotations)}})

    def raw(self, path: str) -> str:
        """GET any path of the API server, such as ``/metrics``."""
        return self.kubectl("get", "--raw", path)

    @contextmanager
    def namespace(self, prefix: str = "test", *, kept: bool = False) -> Iterator[str]:
        """A fresh namespace; its deletion is asked for at the end but not awaited, nobody uses the name again.

        ``kept`` spares the controllers the deletion, a hundred requests, where the cluster ends soon and its pods cost
        nothing.
        """
        name = f"{prefix}-{secrets.token_hex(4)}"
        self.rest.ask("POST", "/api/v1/namespaces", json.dumps({"metadata": {"name": name}}))
        wait = f"serviceaccount/default in {name}"
        self.wait_for(wait, lambda: self.list("serviceaccounts", name, fields="metadata.name=default"))
        try:
            yield name
        finally:
            if not kept:
                self.rest.ask("DELETE", f"/api/v1/namespaces/{name}")

    def audit_events(self, of: str = "") -> Iterator[Object]:
        """Every request the API server answered so far, oldest first (health checks apart), without bodies.

        ``of`` keeps those in whose record these letters stand, such as a user's name: most need not be read then.

        An answered request is already in the log: the server writes it before it answers. A running server rotates
        the log at 200 MB and keeps five such files.
        """
        for file in sorted((self.instance.folder / "audit").glob("audit*.log"), key=lambda path: path.stat().st_mtime):
            with file.open() as lines:
                yield from (json.loads(line) for line in lines if of in line and line.endswith("\n"))

    def writes(self, user: str, *, since: str = "") -> Objects:
        """The audit events in which that user asked for a change, from an RFC 3339 time on."""
        changing = {"create", "update", "patch", "delete", "deletecollection"}
        return [
            event
            for event in self.audit_events(user)
            if event["verb"] in changing
            # Who was refused with a token that nobody knows has no name.
            and event["user"].get("username") == user
            and event["requestReceivedTimestamp"] >= since
        ]

    def wait_for(
        self, description: str, predicate: Callable[[], T], timeout: float = PATIENCE, interval: float = 0.1
    ) -> T:
        """Return the predicate's first true value; what the server refuses counts as "not yet"."""
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
