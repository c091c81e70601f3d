"""Manifests of a controller that is a process of this machine: its kinds, and webhooks that lead to it.

What a pod would need besides (rights, a Service, a Deployment) is left out, and no certificate is made in the cluster:
the authority of the instance vouches for the server, as cert-manager's would.
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from harness.client import Cluster
from harness.state import Instance

_WEBHOOKS = {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}


def install(cluster: Cluster, overlay: Path, port: str = "") -> None:
    """Apply what a kustomization has of kinds and webhooks, the latter answered at that port of the instance."""
    documents = yaml.load_all(cluster.kubectl("kustomize", str(overlay)), Loader=yaml.CSafeLoader)
    kept = list(_adapted(documents, cluster.instance, port))
    cluster.apply(yaml.safe_dump_all(kept, sort_keys=False))
    kinds = [document["metadata"]["name"] for document in kept if document["kind"] == "CustomResourceDefinition"]
    if kinds:
        cluster.wait_established(*(f"crd/{name}" for name in kinds))


def certificates(instance: Instance, engine: str) -> Path:
    """A folder with the certificate of the instance's servers, under the names that controllers look for."""
    folder = instance.path(engine, "tls.crt").parent
    for suffix in ("crt", "key"):
        shutil.copy(instance.folder / "pki" / f"server.{suffix}", folder / f"tls.{suffix}")
    return folder


def _adapted(documents: Iterator[dict[str, Any]], instance: Instance, port: str) -> Iterator[dict[str, Any]]:
    authority = base64.b64encode((instance.folder / "pki" / "ca.crt").read_bytes()).decode()
    for document in documents:
        if document["kind"] == "CustomResourceDefinition":
            yield document
        elif document["kind"] in _WEBHOOKS:
            for webhook in document["webhooks"]:
                path = webhook["clientConfig"]["service"]["path"]
                url = f"https://{instance.host}:{instance.ports[port]}{path}"
                webhook["clientConfig"] = {"url": url, "caBundle": authority}
            yield document
