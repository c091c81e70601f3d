"""What is sent to the API server."""

from __future__ import annotations

import json

import yaml
from hypothesis import given
from hypothesis import strategies as st

from evonas.cluster.client.api import to_json
from tests.corpus.environment import DECISIONS


@given(st.just(DECISIONS) | st.dictionaries(st.text(), st.text() | st.floats(allow_nan=False, allow_infinity=False)))
def test_body_is_the_same_to_a_server_that_reads_it_as_yaml_and_to_one_that_reads_json(
    body: dict[str, str | float],
) -> None:
    sent = to_json(body)
    assert json.loads(sent) == body
    read = yaml.compose(sent, Loader=yaml.SafeLoader)
    assert isinstance(read, yaml.MappingNode)
    texts = [(key.value, value.value) for key, value in read.value]
    assert texts == [(key, value if isinstance(value, str) else json.dumps(value)) for key, value in body.items()]


def test_half_a_surrogate_pair_is_no_character() -> None:
    assert json.loads(to_json({"message": "\ud83e"})) == {"message": "\N{REPLACEMENT CHARACTER}"}
