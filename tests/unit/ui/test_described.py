"""The API does what its own description says, whatever it is asked: Schemathesis asks, of a server with real data."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from evonas.local.journal import JOURNAL_FILE
from evonas.sources.export import write_export
from evonas.sources.journal import JournalSource
from evonas.ui.app import create_api
from evonas.ui.models import Order
from harness.waiting import wait_for
from tests.page.searches import write_hostile
from tests.page.serving import Server
from tests.tier import examples
from tests.unit.search.climbing import write_climb
from tests.unit.search.fronts import write_front
from tests.unit.search.simulation import write_run

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
IDS = ("run:one", "run:two", "run:front", "run:climbed", "run:hostile", "run:torn", "export:kept.jsonl", "run:none")

document: dict[str, Any] = create_api().openapi()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server over runs of several kinds, hostile and damaged ones among them."""
    folder = tmp_path_factory.mktemp("described")
    runs = folder / "runs"
    one = write_run(runs, "one")
    write_run(runs, "two", seed=1)
    write_front(runs, "front", count=30)
    write_climb(runs, "climbed", "Evolution", 12)
    write_hostile(runs)
    torn = write_run(runs, "torn", count=6) / JOURNAL_FILE
    torn.write_bytes(torn.read_bytes()[:-20].replace(b"Succeeded", b"Sunk", 1))
    write_export(JournalSource(one).read(), folder / "kept.jsonl")
    server = Server(folder / "ui.log", [str(runs), str(folder / "kept.jsonl")])
    server.start()
    wait_for("all searches", lambda: len(server.get("/api/v1/searches")["searches"]) == len(IDS) - 1)
    yield server
    assert server.stop() == 0
    assert "Traceback" not in server.log, server.log


schema = schemathesis.openapi.from_dict(document).exclude(path="/api/v1/changes")
schema.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Name a search that there is, most of the time: whatever is made up is none."""
    if path_parameters and isinstance(id := path_parameters.get("id"), str) and len(id) % 4:
        path_parameters["id"] = IDS[sum(map(ord, id)) % len(IDS)]
    return path_parameters


@schemathesis.hook
def map_query(context: Any, query: dict[str, Any] | None) -> dict[str, Any] | None:
    """Likewise, of several."""
    if query and isinstance(ids := query.get("id"), list) and len(ids) % 4:
        query["id"] = [IDS[len(str(id)) % len(IDS)] for id in ids]
    return query


@schema.parametrize()
@settings(
    max_examples=examples(25),
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_one_that_is_described(server: Server, case: Case[Any]) -> None:
    headers = {"X-Evonas-Request": "1"} if case.method == "POST" else {}
    case.call_and_validate(base_url=server.address, headers=headers, checks=CHECKS)


@pytest.mark.parametrize("method", ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "X"])
def test_there_are_two_methods(server: Server, method: str) -> None:
    pages = () if method == "HEAD" else ("/", "/healthz")
    for path in ("/api/v1/searches", "/api/v1/searches/run:one/actions", *pages):
        request = urllib.request.Request(server.at(path), method=method, headers={"X-Evonas-Request": "1"})
        with pytest.raises(urllib.error.HTTPError) as refused, urllib.request.urlopen(request):
            pass
        assert refused.value.code == 405
        refused.value.close()


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/searches/run:one", "/searches/run:one/trials/3", "/compare?id=run:one", "/icon.svg"]
)
def test_head_is_answered_as_get_is_without_a_body(server: Server, path: str) -> None:
    def ask(method: str) -> tuple[int, dict[str, str], bytes]:
        request = urllib.request.Request(server.at(path), method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, dict(refused.headers), refused.read()

    (code, headers, content), asked = ask("GET"), ask("HEAD")
    headers.pop("date"), asked[1].pop("date")
    assert content
    assert asked == (code, headers, b"")


def test_everything_is_described() -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["description"], (method, path)
            assert {"401", "403", "421"} <= operation["responses"].keys(), (method, path)
            for parameter in operation.get("parameters", ()):
                assert parameter["description"], (path, parameter["name"])
            for code, answer in operation["responses"].items():
                assert answer["content"] or code == "200", (path, code)
    schemas = document["components"]["schemas"]
    assert "ValidationError" not in schemas
    for name, model in schemas.items():
        assert model.get("description"), name


def test_the_description_is_printed_for_the_pages_types() -> None:
    done = subprocess.run([sys.executable, "-m", "evonas.ui.openapi"], capture_output=True, check=True)
    assert json.loads(done.stdout) == document


def test_an_order_takes_what_it_prints() -> None:
    order = Order.model_validate({"action": "budget", "maxTrials": 3})
    assert Order.model_validate(json.loads(order.model_dump_json(by_alias=True))) == order
