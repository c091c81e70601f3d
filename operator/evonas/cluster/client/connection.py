"""Where the API server is and who we are there, from a service account or a kubeconfig.

The `kubernetes` package reads the files (exec plugins included); kopf's streams and our own calls share the result.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes.aio.client import Configuration
from kubernetes.aio.config import (
    ConfigException,
    list_kube_config_contexts,
    load_incluster_config,
    load_kube_config,
)

from evonas.cluster.client.kubeconfig import is_pods_own, kubeconfig_paths
from evonas.errors import EvonasError

POD_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True)
class Connection:
    """An API server and the identity to use there."""

    configuration: Any
    """``kubernetes.aio.client.Configuration``; it re-reads tokens that change."""

    @property
    def server(self) -> str:
        """URL without a trailing slash."""
        return str(self.configuration.host).rstrip("/")

    async def token(self) -> str | None:
        """Return the current bearer token; None with client certificates."""
        header = await self.configuration.get_api_key_with_prefix("BearerToken")
        return None if not header else str(header).split()[-1]

    def as_user(self, token: str) -> Connection:
        """Return the same server for whoever has a bearer token, with nothing of our own identity."""
        configuration = Configuration(host=self.configuration.host)
        configuration.ssl_ca_cert = self.configuration.ssl_ca_cert
        configuration.verify_ssl = self.configuration.verify_ssl
        configuration.api_key["BearerToken"] = f"Bearer {token}"
        return Connection(configuration)

    def ssl_context(self) -> ssl.SSLContext | None:
        """Return the context for TLS; None for plain HTTP."""
        configuration = self.configuration
        if not self.server.startswith("https"):
            return None
        context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
        if configuration.cert_file:
            context.load_cert_chain(configuration.cert_file, keyfile=configuration.key_file)
        if not configuration.verify_ssl:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


async def load_connection(kubeconfig: Path | None = None, context: str | None = None) -> Connection:
    """Return the service account's connection inside a cluster, otherwise the kubeconfig's.

    Raises EvonasError if neither exists or the kubeconfig cannot be used.
    """
    configuration = Configuration()
    try:
        if is_pods_own(kubeconfig, context):
            load_incluster_config(configuration)
        else:
            _check_there_is_one(kubeconfig)
            await load_kube_config(
                config_file=None if kubeconfig is None else str(kubeconfig),
                context=context,
                client_configuration=configuration,
            )
    except (ConfigException, OSError) as error:
        raise EvonasError(f"no cluster configured: {error}; set KUBECONFIG or pass --kubeconfig") from error
    return Connection(configuration)


def _check_there_is_one(kubeconfig: Path | None) -> None:
    """OSError if no kubeconfig exists: the package's own message is less clear, and it logs a warning as well."""
    paths = kubeconfig_paths(kubeconfig)
    if not any(path.exists() for path in paths):
        raise FileNotFoundError(f"{os.pathsep.join(map(str, paths))} does not exist")


def load_namespace(kubeconfig: Path | None = None, context: str | None = None) -> str:
    """Return the namespace of the kubeconfig's context or, inside a cluster, the pod's own; otherwise ``default``."""
    if is_pods_own(kubeconfig, context):
        return POD_NAMESPACE_FILE.read_text().strip() if POD_NAMESPACE_FILE.exists() else "default"
    contexts, current = list_kube_config_contexts(None if kubeconfig is None else str(kubeconfig))
    meant = current if context is None else next(item for item in contexts if item["name"] == context)
    return str(meant["context"].get("namespace") or "default")
