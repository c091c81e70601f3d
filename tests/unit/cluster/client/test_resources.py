"""Where an object is on the API server, whatever its name says."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from evonas.cluster.client.resources import CONFIG_MAPS, JOBS, TRIALS


def asked_for(path: str) -> str:
    """Return what the client's library makes of a path."""
    return URL(f"https://server{path}").raw_path


def test_paths_are_those_of_the_api() -> None:
    assert CONFIG_MAPS.path("team", "a.b-c") == "/api/v1/namespaces/team/configmaps/a.b-c"
    assert JOBS.path(None) == "/apis/batch/v1/jobs"
    assert TRIALS.path("team", "t", "status") == (
        "/apis/evonas.dev/v1alpha1/namespaces/team/architecturetrials/t/status"
    )


@given(
    st.one_of(
        st.text(min_size=1), st.lists(st.sampled_from(["..", "/", "%2f", "%2e", "x", "?"]), min_size=1).map("".join)
    )
)
@example("../../other/configmaps/x")
@example("..")
def test_no_name_leads_to_another_namespace(name: str) -> None:
    assert asked_for(CONFIG_MAPS.path("team", name)).startswith("/api/v1/namespaces/team/")
