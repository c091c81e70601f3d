"""What a trial asks of a namespace: all of its pods."""

from __future__ import annotations

from decimal import Decimal

from evonas.cluster.checks.namespace import devices_of, trial_requests
from evonas.spec import SearchSpec
from tests.corpus import good
from tests.unit.search.support import search_spec


def test_a_trial_of_one_pod_is_one_job() -> None:
    asked = trial_requests(search_spec(gpus=2))
    assert asked["pods"] == asked["count/jobs.batch"] == 1
    assert asked["requests.nvidia.com/gpu"] == asked["limits.nvidia.com/gpu"] == 2


def test_a_workload_asks_for_all_of_its_pods() -> None:
    spec = SearchSpec.parse(good("jobset.yaml"))
    assert trial_requests(spec) == {
        "count/jobsets.jobset.x-k8s.io": Decimal(1),
        "pods": Decimal(5),
        "requests.nvidia.com/gpu": Decimal(16),
        "limits.nvidia.com/gpu": Decimal(16),
    }
    assert devices_of(spec) == ["nvidia.com/gpu"]
    assert trial_requests(SearchSpec.parse(good("indexed-job.yaml")))["count/jobs.batch"] == 1
