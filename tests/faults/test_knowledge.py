"""What an agent knows from earlier searches is recorded once, whoever comes first, and a foreign record is refused."""

from __future__ import annotations

import pytest

from evonas.agents import EarlierTask, Experience
from evonas.cluster.client.resources import CONFIG_MAPS, JOBS, SEARCHES
from evonas.cluster.state.knowledge_map import to_config_map
from evonas.cluster.state.objects import read_search
from evonas.recorded.knowledge import Gathered
from evonas.recorded.knowledge_record import Knowledge
from evonas.search.names import knowledge_name
from tests.faults import faults
from tests.faults.chronicle import Body
from tests.faults.field import TRIALS_OF_SEARCH, Field, Site, learning_search
from tests.faults.invariants import assert_sound
from tests.integration.searches import condition

pytestmark = [pytest.mark.kwok, pytest.mark.jobset]

CREATION = "create configmaps"
ELSEWHERE = Knowledge(Experience((EarlierTask("search of another", ("a1",), ((0,), (4,)), (-1.0, 1.0)),)))


async def test_what_another_operator_has_recorded_counts_not_what_was_gathered(field: Field) -> None:
    async def attempt(here: Site) -> None:
        async def record_elsewhere() -> None:
            record = read_search(_search(here))
            body = to_config_map(record.identity, Gathered(ELSEWHERE, "said by another"))
            await here.chronicle.create(CONFIG_MAPS, here.namespace, body)

        rule = here.proxy.add(faults.on_kind(CREATION, faults.before(record_elsewhere)))
        await here.apply(learning_search())
        here.start()
        await here.complete()
        assert rule.hits
        assert_sound(here.story, attempts=TRIALS_OF_SEARCH)
        known = _search(here)["status"]["knowledge"]
        assert (known["digest"], known["message"]) == (ELSEWHERE.digest, "said by another")
        assert known["tasks"] == [{"source": "search of another", "results": 2}]

    await field.run(attempt)


async def test_two_operators_at_once_record_it_once(field: Field) -> None:
    async def attempt(here: Site) -> None:
        await here.apply(learning_search())
        here.start()
        here.start()
        await here.complete()
        assert_sound(here.story, attempts=TRIALS_OF_SEARCH, operators=2)

    await field.run(attempt)


@pytest.mark.parametrize("moment", ["before it is looked for", "before it is created"])
async def test_foreign_config_map_of_our_name_is_refused_until_it_is_removed(field: Field, moment: str) -> None:
    async def attempt(here: Site) -> None:
        async def stand_in_the_way() -> None:
            body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": _name(here)}, "data": {"a": "b"}}
            await here.chronicle.create(CONFIG_MAPS, here.namespace, body)

        if moment == "before it is created":
            here.proxy.add(faults.on_kind(CREATION, faults.before(stand_in_the_way)))
        await here.apply(learning_search())
        await here.until_seen(SEARCHES)
        if moment == "before it is looked for":
            await stand_in_the_way()
        here.start()
        await here.until(lambda: condition(_search(here), "Accepted").get("reason") == "ForeignObject")
        assert not here.story.objects(JOBS)
        await here.chronicle.delete(CONFIG_MAPS, here.namespace, _name(here))
        await here.complete()
        assert_sound(here.story, attempts=TRIALS_OF_SEARCH)

    await field.run(attempt)


def _search(here: Site) -> Body:
    (body,) = here.story.objects(SEARCHES)
    return body


def _name(here: Site) -> str:
    metadata = _search(here)["metadata"]
    return knowledge_name(metadata["name"], metadata["uid"])
