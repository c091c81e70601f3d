"""Which fields a kind's spec has, asked of a server that describes it over real HTTP, and changes."""

from __future__ import annotations

from aiohttp import web

from evonas.cluster.client.resources import WORKLOADS
from evonas.cluster.client.spec_fields import SpecFields
from tests.unit.cluster.client.test_watch import server

TRAIN_JOBS = WORKLOADS["TrainJob"]
PATH = "/openapi/v3/apis/trainer.kubeflow.org/v1alpha1"


class Described:
    """A server's description of TrainJobs, and how often it was read."""

    def __init__(self, *fields: str) -> None:
        self.fields = fields
        self.reads = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/openapi/v3":
            address = f"{PATH}?hash={len(self.fields)}"
            paths = {"apis/trainer.kubeflow.org/v1alpha1": {"serverRelativeURL": address}} if self.fields else {}
            return web.json_response({"paths": paths})
        assert (request.path, request.query["hash"]) == (PATH, str(len(self.fields)))
        self.reads += 1
        return web.json_response({"components": {"schemas": {"list": _kind("TrainJobList"), "job": self._job()}}})

    def _job(self) -> dict[str, object]:
        return {**_kind("TrainJob"), "properties": {"spec": {"properties": {key: {} for key in self.fields}}}}


def _kind(kind: str) -> dict[str, object]:
    named = {"group": "trainer.kubeflow.org", "version": "v1alpha1", "kind": kind}
    return {"x-kubernetes-group-version-kind": [named]}


async def test_fields_are_those_that_the_server_has_now_and_are_read_when_they_change() -> None:
    described, fields = Described("trainer", "podSpecOverrides"), SpecFields()
    async with server(described.handle) as api:
        for _ in range(2):
            assert await fields.of(api, TRAIN_JOBS) == {"trainer", "podSpecOverrides"}
        assert described.reads == 1
        described.fields = ("trainer", "suspend", "runtimePatches")
        assert "runtimePatches" in await fields.of(api, TRAIN_JOBS)
        assert described.reads == 2


async def test_a_kind_that_the_server_does_not_describe_has_none_that_are_known() -> None:
    async with server(Described().handle) as api:
        assert await SpecFields().of(api, TRAIN_JOBS) == frozenset()
