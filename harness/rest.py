"""The API server asked over HTTP: what a test polls, it polls here, since every kubectl is a tenth of a second of CPU.

Kinds are named as kubectl names them (``nas``, ``jobs``, ``roles``): the server's own discovery says what they mean.
A refusal is the ``CommandFailed`` that kubectl's would be, with the server's message.
"""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

import yaml

from harness import credentials
from harness.errors import CommandFailed
from harness.state import Instance

Object = dict[str, Any]

_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_TRIES = 10
"""How often a request is made that the server asks to make later: the storage of a new kind is not ready at once."""


@dataclass(frozen=True)
class Kind:
    """One kind of objects as the server serves it."""

    group_version: str
    kind: str
    plural: str
    namespaced: bool

    def path(self, namespace: str = "", name: str = "") -> str:
        """Where its objects are, or one of them."""
        root = "/apis/" if "/" in self.group_version else "/api/"
        scope = f"/namespaces/{namespace}" if namespace and self.namespaced else ""
        return f"{root}{self.group_version}{scope}/{self.plural}" + (f"/{name}" if name else "")


class Rest:
    """The administrator's connection to one API server."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._kinds: dict[str, Kind] = {}

    @cached_property
    def _token(self) -> str:
        config = yaml.safe_load(credentials.kubeconfig_path(self._instance, "admin").read_text())
        return str(config["users"][0]["user"]["token"])

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self._instance.folder / "pki" / "ca.crt"))

    def get(self, kind: str, name: str, namespace: str = "") -> Object:
        """One object; in the namespace ``default`` where none is named."""
        found: Object = self.ask("GET", self.kind(kind).path(namespace or "default", name))
        return found

    def list(self, kind: str, namespace: str = "", selector: str = "", fields: str = "") -> list[Object]:
        """All objects of a kind, or of several with commas between; of all namespaces when none is named."""
        narrowed = {"labelSelector": selector, "fieldSelector": fields}
        query = urlencode({key: value for key, value in narrowed.items() if value})
        found: list[Object] = []
        for one in map(self.kind, kind.split(",")):
            items = self.ask("GET", f"{one.path(namespace)}?{query}")["items"]
            # Items of a list do not say what they are.
            found += [{"apiVersion": one.group_version, "kind": one.kind, **item} for item in items]
        return found

    def apply(self, manifests: str, namespace: str = "") -> None:
        """Apply YAML text, server-side."""
        for body in filter(None, yaml.load_all(manifests, Loader=yaml.CSafeLoader)):
            kind = self.kind(body["kind"], body["apiVersion"])
            where = body["metadata"].get("namespace") or namespace or "default"
            query = "?fieldManager=kubectl&fieldValidation=Strict"
            path = kind.path(where, body["metadata"]["name"]) + query
            self.ask("PATCH", path, json.dumps(body, ensure_ascii=False), "application/apply-patch+yaml")

    def create(self, body: Object) -> None:
        """Create an object that belongs to no namespace, which costs the server less than to apply it."""
        self.ask("POST", self.kind(body["kind"], body["apiVersion"]).path(), json.dumps(body))

    def merge(self, kind: str, name: str, namespace: str, patch: Object, subresource: str = "") -> None:
        """Change an object, or its status, by a merge patch."""
        path = self.kind(kind).path(namespace or "default", name) + (f"/{subresource}" if subresource else "")
        self.ask("PATCH", path, json.dumps(patch), "application/merge-patch+json")

    def ask(self, method: str, path: str, body: str = "", type: str = "application/json", accept: str = "") -> Any:
        """Make one request and return the answer's JSON; CommandFailed where it is refused, or nobody is there."""
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": type,
            "Accept": accept or "application/json",
        }
        request = urllib.request.Request(
            self._instance.server + path, body.encode() or None, headers, method=method
        )  # fmt: skip
        for left in reversed(range(_TRIES)):
            try:
                with urllib.request.urlopen(request, timeout=60, context=self._tls) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                text = error.read().decode(errors="replace")
                if not left or "Retry-After" not in error.headers:
                    raise CommandFailed(f"{method} {path}", error.code, _message(text)) from error
                time.sleep(float(error.headers["Retry-After"]))
            except OSError as error:
                raise CommandFailed(f"{method} {path}", 1, str(error)) from error
        raise AssertionError("unreachable")

    def kind(self, name: str, api_version: str = "") -> Kind:
        """What the server calls a kind that goes by this name: plural, singular, short or with its group."""
        key = f"{name} {api_version}".strip().lower()
        if key not in self._kinds:
            for names, kind in self._served():
                for known in names:
                    self._kinds.setdefault(known.lower(), kind)
        try:
            return self._kinds[key]
        except KeyError:
            raise CommandFailed(f"discovery of {key}", 1, f"the server doesn't have a resource type {key!r}") from None

    def _served(self) -> Iterator[tuple[set[str], Kind]]:
        """Every kind with all its names, in the order in which kubectl looks for them."""
        for root in ("/api", "/apis"):
            for group in self.ask("GET", root, accept=_DISCOVERY)["items"]:
                group_name = group["metadata"].get("name", "")
                for version in group["versions"]:
                    group_version = f"{group_name}/{version['version']}".lstrip("/")
                    for entry in version["resources"]:
                        kind = entry["responseKind"]["kind"]
                        found = Kind(group_version, kind, entry["resource"], entry["scope"] == "Namespaced")
                        names = {found.plural, entry["singularResource"], kind, *entry.get("shortNames", ())}
                        yield {*names, f"{found.plural}.{group_name}", f"{kind} {group_version}"}, found


def _message(text: str) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text
