"""Manifests of a controller that is a process of this machine: its kinds, and webhooks that lead to it.

What a pod would need besides (rights, a Service, a Deployment) is left out, and no certificate is made in the cluster:
the authority of the instance vouches for the server, as cert-manager's would.
"""

from __future__ import annotations

import base64
import shutil
from pathlib import Path
from typing import Any

import yaml

from harness.client import Cluster
from harness.state import Instance

_WEBHOOKS = {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}


def install_kinds(cluster: Cluster, folder: Path) -> None:
    """Apply the definitions in a folder and wait until their kinds are served."""
    definitions = [
        document
        for file in sorted(folder.glob("*_*.yaml"))
        for document in yaml.load_all(file.read_text(), Loader=yaml.CSafeLoader)
    ]
    for definition in definitions:
        # One version is enough where nobody asks for another.
        definition["spec"]["versions"] = [version for version in definition["spec"]["versions"] if version["storage"]]
        cluster.rest.create(_undescribed(definition))
    cluster.wait_established(*(f"crd/{definition['metadata']['name']}" for definition in definitions))


def install_webhooks(cluster: Cluster, controller: str, overlay: Path) -> None:
    """Apply the webhooks of a kustomization, answered by that controller of the instance."""
    instance = cluster.instance
    authority = base64.b64encode((instance.folder / "pki" / "ca.crt").read_bytes()).decode()
    documents = yaml.load_all(cluster.kubectl("kustomize", str(overlay)), Loader=yaml.CSafeLoader)
    configurations = [document for document in documents if document["kind"] in _WEBHOOKS]
    for configuration in configurations:
        # Before a namePrefix several controllers call theirs alike.
        configuration["metadata"]["name"] = f"{controller}-{configuration['metadata']['name']}"
        for webhook in configuration["webhooks"]:
            path = webhook["clientConfig"]["service"]["path"]
            url = f"https://{instance.host}:{instance.ports[f'{controller}-webhook']}{path}"
            webhook["clientConfig"] = {"url": url, "caBundle": authority}
    cluster.apply(yaml.safe_dump_all(configurations))


def certificates(instance: Instance, *folders: str) -> Path:
    """A folder with the certificate of the instance's servers, under the names that controllers look for."""
    folder = instance.path(*folders, "tls.crt").parent
    for suffix in ("crt", "key"):
        shutil.copy(instance.folder / "pki" / f"server.{suffix}", folder / f"tls.{suffix}")
    return folder


def _undescribed(schema: Any) -> Any:
    """A definition without its prose, two thirds of the megabytes that the server would read and publish."""
    if isinstance(schema, list):
        return [_undescribed(item) for item in schema]
    if isinstance(schema, dict):
        told = schema.items()
        return {key: _undescribed(value) for key, value in told if key != "description" or not isinstance(value, str)}
    return schema
