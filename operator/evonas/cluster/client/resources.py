"""The kinds of objects we read or write, and their paths on the API server."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from evonas.spec import GROUP, VERSION
from evonas.workloads.catalogue import ENGINES


@dataclass(frozen=True)
class Resource:
    """One kind of object, as the API's paths name it."""

    group: str
    version: str
    plural: str
    kind: str

    @property
    def api_version(self) -> str:
        """``group/version``, or the version alone in the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
        """Return the path of a collection, an object or its subresource; no name leads to another namespace."""
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"
        scope = "" if namespace is None else f"/namespaces/{namespace}"
        return root + scope + "".join(f"/{quote(part, safe='')}" for part in (self.plural, name, subresource) if part)


DISCOVERY = Resource("", "v1", "apis", "APIGroupList")
"""No kind, but what is counted when the server is asked for its kinds."""
SEARCHES = Resource(GROUP, VERSION, "architecturesearches", "ArchitectureSearch")
TRIALS = Resource(GROUP, VERSION, "architecturetrials", "ArchitectureTrial")
JOBS = Resource("batch", "v1", "jobs", "Job")
WORKLOADS = {kind.name: Resource(*kind.group_version, kind.plural, kind.kind) for kind in ENGINES}
"""By the names of the kinds of workload that an engine runs."""
PODS = Resource("", "v1", "pods", "Pod")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
EVENTS = Resource("", "v1", "events", "Event")
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
ROLE_BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")
CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition")
ROLES = Resource("rbac.authorization.k8s.io", "v1", "roles", "Role")
CLUSTER_ROLES = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole")
POLICIES = Resource("admissionregistration.k8s.io", "v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy")
ACCESS_REVIEWS = Resource("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview")
QUOTAS = Resource("", "v1", "resourcequotas", "ResourceQuota")
NODES = Resource("", "v1", "nodes", "Node")
LOCAL_QUEUES = Resource("kueue.x-k8s.io", "v1beta2", "localqueues", "LocalQueue")
CLUSTER_QUEUES = Resource("kueue.x-k8s.io", "v1beta2", "clusterqueues", "ClusterQueue")
NAMESPACES = Resource("", "v1", "namespaces", "Namespace")
PROMETHEUSES = Resource("monitoring.coreos.com", "v1", "prometheuses", "Prometheus")
SERVICE_MONITORS = Resource("monitoring.coreos.com", "v1", "servicemonitors", "ServiceMonitor")
POD_MONITORS = Resource("monitoring.coreos.com", "v1", "podmonitors", "PodMonitor")
PROMETHEUS_RULES = Resource("monitoring.coreos.com", "v1", "prometheusrules", "PrometheusRule")


def resource_of(kind: str) -> Resource:
    """Return what the API server calls an attempt's kind."""
    return WORKLOADS.get(kind, JOBS)
