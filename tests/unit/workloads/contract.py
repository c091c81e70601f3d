"""What holds of every kind of workload: a class of tests that each kind's own test module makes concrete.

It is given what the kind's engine does, from its documentation or a real one: the labels and names that it gives to
pods, the conditions that it writes.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any, ClassVar

from evonas.gpus import GpuAccounting
from evonas.search.names import MAX_INDEX, workload_name
from evonas.workloads.catalogue import KINDS, find_kind, kind_named
from evonas.workloads.interface import NAME_LENGTH, SHORTEST_NAME, Change, Kind, Place, PodGroup, Workload
from evonas.workloads.parsing import gpus_of, parse_workload, workload_problems
from evonas.workloads.shape import shape_of, spec_of

OURS = {"evonas.dev/search-uid": "u", "evonas.dev/index": "0", "evonas.dev/attempt": "1"}
TOLD = (
    {"name": "EVONAS_SEED", "value": "7"},
    {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
)
CHANGE = Change(labels=OURS, env=TOLD, container="trial", service_account="evonas-trial")
ENDED = "2026-01-01T12:00:00Z"


class KindContract(ABC):
    """A kind of workload as searches rely on it."""

    kind: ClassVar[Kind]
    spec: ClassVar[Mapping[str, Any]]
    """As a user writes it: each group has a container called ``trainer``, which has ``OWN`` among its variables."""
    trainer: ClassVar[str] = "trial"
    pods: ClassVar[Mapping[str, int]]
    """How many pods it has, by group."""
    gpus: ClassVar[Mapping[str, int]]
    """How many GPUs each pod takes, by group."""
    running: ClassVar[Mapping[str, Any]]
    """The status that its engine writes while its pods run."""
    complete: ClassVar[Mapping[str, Any]]
    failed: ClassVar[Mapping[str, Any]]
    """With the reason ``Because`` and the message ``of this``, as far as the engine says any, ended at ``ENDED``."""
    has_pod_labels: ClassVar[bool] = True
    """Whether its spec has a place for labels of its pods."""
    has_accounts: ClassVar[bool] = True
    """Whether its spec has a place for the service account of its pods."""

    is_opaque: ClassVar[bool] = True
    """Whether it has templates of pods that the API server does not judge with it."""

    @abstractmethod
    def labels_of(self, place: Place) -> dict[str, str]:
        """Return the labels that the engine gives to the pod at a place."""

    @abstractmethod
    def derived_names(self, name: str) -> list[str]:
        """Return the longest names that the engine derives from that of the workload: of children and pods' hosts."""

    # --- what is written ---

    def test_it_is_in_the_catalogue(self) -> None:
        assert self.kind in KINDS
        assert find_kind(self.kind.api_version, self.kind.kind) is self.kind
        assert kind_named(self.kind.name) is self.kind
        assert "/".join(filter(None, self.kind.group_version)) == self.kind.api_version

    def test_what_is_written_is_parsed_and_kept(self) -> None:
        before = copy.deepcopy(dict(self.spec))
        assert [*self.kind.problems(self.spec)] == []
        assert [*workload_problems(self.manifest, None, GpuAccounting())] == []
        parsed = parse_workload(self.manifest)
        assert parsed.kind is self.kind
        assert parsed.spec == before == self.spec

    def test_groups_pods_and_gpus_are_counted(self) -> None:
        workload = parse_workload(self.manifest)
        assert {group.name: group.count for group in workload.groups} == self.pods
        assert workload.pods == sum(self.pods.values())
        assert gpus_of(workload, GpuAccounting()) == {name: Fraction(count) for name, count in self.gpus.items()}

    def test_a_field_leads_to_each_container(self) -> None:
        for group in self.kind.groups(self.spec):
            path = group.container_field(self.trainer)
            assert path.startswith("spec.trial.workload.spec.")
            assert _at(self.spec, path.removeprefix("spec.trial.workload.spec."))["env"]

    # --- what is built ---

    def test_each_pod_is_told_the_candidate_before_its_own_variables(self) -> None:
        for group in self.built():
            env = self.trains(group)["env"]
            assert [item["name"] for item in env[: len(TOLD)]] == [item["name"] for item in TOLD]
            assert "OWN" in [item["name"] for item in env[len(TOLD) :]]

    def test_a_pod_is_told_by_the_search_where_both_name_a_variable(self) -> None:
        change = Change(OURS, ({"name": "OWN", "value": "of the search"},), "trial", None)
        for group in self.built(change):
            assert [item for item in self.trains(group)["env"] if item["name"] == "OWN"] == [change.env[0]]

    def test_other_containers_are_not_told(self) -> None:
        for group in self.built():
            others = [item for item in group.template["spec"]["containers"] if item["name"] != self.trainer]
            assert not any(told in (item.get("env") or ()) for item in others for told in TOLD)

    def test_each_pod_has_our_labels_beside_its_own(self) -> None:
        if self.has_pod_labels:
            own = {group.name: group.labels for group in self.kind.groups(self.spec)}
            for group in self.built():
                assert group.labels == {**own[group.name], **OURS}

    def test_the_account_is_used_where_none_is_named(self) -> None:
        if self.has_accounts:
            named = {
                group.name: group.template["spec"].get("serviceAccountName") for group in self.kind.groups(self.spec)
            }
            for group in self.built():
                assert group.template["spec"]["serviceAccountName"] == (named[group.name] or "evonas-trial")
            without = Change(OURS, TOLD, "trial", None)
            for group in self.built(without):
                assert group.template["spec"].get("serviceAccountName") == named[group.name]

    def test_what_the_user_wrote_is_left_as_it_is(self) -> None:
        before = copy.deepcopy(dict(self.spec))
        self.kind.suspend(self.kind.build(self.spec, CHANGE))
        assert self.spec == before

    def test_what_is_built_has_the_same_pods(self) -> None:
        assert {group.name: group.count for group in self.built()} == self.pods
        assert [*self.kind.problems({**self.spec})] == []

    def test_building_twice_gives_the_same(self) -> None:
        assert self.kind.build(self.spec, CHANGE) == self.kind.build(self.spec, CHANGE)

    def test_a_server_can_judge_each_template_that_it_does_not_know(self) -> None:
        spec = self.kind.build(self.spec, CHANGE)
        judged = dict(self.kind.jobs(spec))
        for field in judged:
            assert _at(spec, field.removeprefix("spec.trial.workload.spec."))
        if self.is_opaque:
            pods = [job["template"]["spec"]["containers"] for job in judged.values()]
            assert all(group.template["spec"]["containers"] in pods for group in self.built())
        else:
            assert not judged

    def test_all_attempts_have_one_shape_which_says_as_much_of_their_pods_as_what_they_are_built_of(self) -> None:
        other = Change({name: f"{value}1" for name, value in OURS.items()}, TOLD[1:], "trial", "evonas-trial")
        built = self.kind.build(self.spec, CHANGE)
        shape = shape_of(built)
        assert shape_of(self.kind.suspend(self.kind.build(self.spec, other))) == shape
        known, seen = Workload(self.kind, built), Workload(self.kind, spec_of(shape))
        assert [(group.name, group.count) for group in seen.groups] == [
            (each.name, each.count) for each in known.groups
        ]
        assert seen.reporter == known.reporter
        assert gpus_of(seen, GpuAccounting()) == gpus_of(known, GpuAccounting())
        for group, of in zip(seen.groups, known.groups, strict=True):
            names = ["trial", self.trainer, None]
            assert [group.container(name) for name in names] == [of.container(name) for name in names]

    # --- who reports ---

    def test_the_pod_that_reports_is_one_of_its_pods(self) -> None:
        chosen = self.kind.reporter(self.spec)
        assert chosen in self.places()
        workload = Workload(self.kind, self.spec)
        assert [place for place in self.places() if workload.reports(place)] == [chosen]
        assert workload.reporting_group.name == chosen.group

    def test_a_pod_is_known_by_its_labels(self) -> None:
        for place in self.places():
            labels = {**self.labels_of(place), **OURS, "other": "label"}
            assert self.kind.place(labels) == place

    def test_a_pod_without_the_engines_labels_is_none(self) -> None:
        assert self.kind.place({}) is None
        assert self.kind.place(OURS) is None

    # --- names ---

    def test_names_that_the_engine_derives_fit(self) -> None:
        longest = self.kind.longest_name(self.spec)
        assert SHORTEST_NAME <= longest <= NAME_LENGTH
        assert len(workload_name("s" * 40, "uid", MAX_INDEX, 99, longest)) <= longest
        assert max(map(len, self.derived_names("w" * longest))) <= NAME_LENGTH

    # --- how it goes ---

    def test_one_of_which_nothing_is_known_yet_goes_on(self) -> None:
        unknown: tuple[dict[str, Any] | None, ...] = ({}, None)
        for status in unknown:
            standing = self.read(status)
            assert (standing.complete, standing.failed, standing.ended) == (False, False, None)
            assert not standing.suspended
            assert not standing.released

    def test_one_whose_pods_run_goes_on(self) -> None:
        standing = self.read(self.running)
        assert (standing.complete, standing.failed, standing.ended) == (False, False, None)

    def test_one_that_is_complete_says_when(self) -> None:
        standing = self.read(self.complete)
        assert (standing.complete, standing.failed) == (True, False)
        assert standing.ended == datetime.fromisoformat(ENDED)

    def test_one_that_has_failed_says_why_and_when(self) -> None:
        standing = self.read(self.failed)
        assert (standing.complete, standing.failed) == (False, True)
        assert standing.ended == datetime.fromisoformat(ENDED)
        assert standing.reason
        assert "of this" in standing.message

    def test_one_that_is_suspended_waits(self) -> None:
        suspended = self.kind.suspend(self.kind.build(self.spec, CHANGE))
        assert self.read({}, suspended).suspended
        assert not self.read({}).suspended

    def test_one_that_is_released_is_known_by_it(self) -> None:
        change = self.kind.release(600)
        if self.kind.has_time_to_live:
            assert self.read(self.complete, {**self.kind.build(self.spec, CHANGE), **change}).released
        assert not self.read(self.complete).released

    @property
    def manifest(self) -> dict[str, Any]:
        """``spec.trial.workload``."""
        return {"apiVersion": self.kind.api_version, "kind": self.kind.kind, "spec": self.spec}

    def built(self, change: Change = CHANGE) -> tuple[PodGroup, ...]:
        """The groups of what is built."""
        return self.kind.groups(self.kind.build(self.spec, change))

    def trains(self, group: PodGroup) -> Any:
        """The container of a group that trains."""
        return next(item for item in group.template["spec"]["containers"] if item["name"] == self.trainer)

    def places(self) -> list[Place]:
        """All places of its pods."""
        return [Place(name, rank) for name, count in self.pods.items() for rank in self.ranks(name, count)]

    def ranks(self, group: str, count: int) -> list[int]:
        """The numbers of a group's pods."""
        return [*range(count)]

    def read(self, status: Mapping[str, Any] | None, spec: Mapping[str, Any] | None = None) -> Any:
        """Read an object with that status."""
        body = {"apiVersion": self.kind.api_version, "kind": self.kind.kind, "metadata": {"name": "w"}}
        built = self.kind.build(self.spec, CHANGE) if spec is None else spec
        return self.kind.read({**body, "spec": built} if status is None else {**body, "spec": built, "status": status})


def _at(value: Any, path: str) -> Any:
    for part in path.split("."):
        name, *positions = part.replace("]", "").split("[")
        value = value[name]
        for position in positions:
            value = value[int(position)]
    return value
