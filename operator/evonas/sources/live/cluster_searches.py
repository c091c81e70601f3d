"""What is known of a cluster's searches, from lists and watches. Pure: whoever asks the API server is ``cluster``.

At most so many trials are kept, as far as possible: beyond that, whole searches are dropped, finished ones first, those
that were asked for longest ago before others. Of a dropped search only its line is kept current.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

from evonas.cluster.client.resources import SEARCHES
from evonas.errors import EvonasError
from evonas.recorded.search import overview_of, phase_of
from evonas.search.codec import from_time
from evonas.search.contradictions import find_contradiction
from evonas.search.interventions import read_pins
from evonas.search.names import ATTEMPT_LABEL, INDEX_LABEL, PROGRESS_ANNOTATION, SEARCH_LABEL, SEARCH_UID_LABEL
from evonas.search.trial_progress import Progress, parse_progress
from evonas.sources.cluster import read_trial, without_managers
from evonas.sources.live.kept_trials import KeptTrials
from evonas.sources.live.results import Results
from evonas.sources.live.seen import Origin, RunningAttempt, SeenSearch
from evonas.sources.locate import KINDS
from evonas.spec import parse_objectives
from evonas.workloads.interface import Workload
from evonas.workloads.parsing import read_workload

Event = tuple[Literal["put", "drop"], Mapping[str, Any]]


class ClusterSearch:
    """One search and its trials."""

    def __init__(self, namespace: str, uid: str, next_revision: Callable[[], int]) -> None:
        self.namespace = namespace
        self.uid = uid
        self.body: Mapping[str, Any] | None = None
        """None as long as only trials of it have been seen."""
        self.workload: Workload | None = None
        """Of its trials, if they may have several pods."""
        self.trials = KeptTrials(next_revision)
        self.is_dropped = False
        """Whether its trials are not kept."""
        self.asked = time.monotonic()
        """When its trials were asked for, or first seen."""
        self.told = self.trials.revision
        """The revision of its trials of which everybody was told."""
        self.pods: dict[str, RunningAttempt] = {}
        """Attempts under way, by their pods' UIDs."""
        self.filling = asyncio.Lock()
        """Held by whoever reads its trials again."""
        self._versions: dict[int, int] = {}
        """Of the trials' objects, by index."""
        self._floor = 0
        """All versions up to it are known."""
        self._meanwhile: list[Event] | None = None
        """What happens while its trials are being read again."""
        self._results = Results()
        self._wrong: dict[int, str] = {}

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing works on it any more."""
        return self.body is not None and phase_of(self.body.get("status", {})).is_at_rest

    @property
    def running(self) -> Mapping[int, RunningAttempt]:
        """The attempts under way, by the index of their trial."""
        # Of several pods that were seen before their search, the first by name.
        named = sorted(self.pods.values(), key=lambda attempt: attempt.pod or "", reverse=True)
        return {attempt.index: attempt for attempt in sorted(named, key=lambda attempt: attempt.attempt)}

    def put(self, body: Mapping[str, Any]) -> None:
        """Take in a trial."""
        if self.is_dropped:
            self._note("put", body)
        elif (version := _version(body)) > self._floor and version != self._versions.get(int(body["spec"]["index"])):
            self._enter(body)

    def _enter(self, body: Mapping[str, Any]) -> None:
        index = int(body["spec"]["index"])
        self._versions[index] = _version(body)
        try:
            trial = read_trial(body)
        except EvonasError as error:
            self._wrong[index] = str(error)
            self.trials.drop(index)
            return
        problem = find_contradiction(trial)
        self._wrong.pop(index, None)
        if problem is not None:
            self._wrong[index] = f"trial {index}: {problem}; restore the record from a copy"
        self.trials.put(trial)
        self._results.put(trial)

    def drop(self, body: Mapping[str, Any]) -> None:
        """A trial was deleted."""
        if self.is_dropped:
            self._note("drop", body)
        elif _version(body) > self._floor:
            self._forget(int(body["spec"]["index"]))

    def keep_only(self, indexes: Iterable[int]) -> None:
        """Forget all other trials."""
        for index in self._versions.keys() - set(indexes):
            self._forget(index)
        self.trials.settle()

    def drop_trials(self) -> None:
        """Keep no trials of it for now."""
        self.is_dropped = True
        self._versions.clear()
        self.trials.clear()

    @property
    def is_filling(self) -> bool:
        """Whether its trials are being read again."""
        return self._meanwhile is not None

    def begin_again(self) -> None:
        """All trials are about to be put again, as of one moment; what happens meanwhile waits until then."""
        self._meanwhile, self._floor = [], 0
        self._results, self._wrong = Results(), {}

    def put_again(self, body: Mapping[str, Any]) -> None:
        """Take in one of them."""
        self._enter(body)

    def end_again(self, version: int) -> None:
        """These were all, at that version of their list."""
        meanwhile, self._meanwhile = self._meanwhile or [], None
        self.is_dropped, self._floor = False, version
        for kind, body in meanwhile:
            (self.put if kind == "put" else self.drop)(body)
        self.trials.settle()

    def give_up(self) -> None:
        """They cannot be read now."""
        self._meanwhile = None
        self.drop_trials()

    def line(self, id: str) -> SeenSearch:
        """Return the line about it."""
        assert self.body is not None
        status, spec, name = self.body.get("status", {}), self.body["spec"], self.body["metadata"]["name"]
        overview = overview_of(self.body)
        return SeenSearch(
            id=id,
            revision=0,
            origin=Origin.CLUSTER,
            reference=f"{KINDS[0]}/{name}",
            uid=self.uid,
            body=self.body,
            overview=overview,
            trend=self._results.trend(parse_objectives(spec), self.trials.snapshot().trials),
            ended=_ended(status) if overview.phase.is_at_rest else None,
            problem=self._wrong[min(self._wrong)] if self._wrong else None,
        )

    def _note(self, kind: Literal["put", "drop"], body: Mapping[str, Any]) -> None:
        if self._meanwhile is not None:
            self._meanwhile.append((kind, body))
        else:
            self.trials.touch()

    def _forget(self, index: int) -> None:
        self._versions.pop(index, None)
        self._wrong.pop(index, None)
        if self.trials.drop(index):
            self._results.drop(index)


class ClusterSearches:
    """All searches, by UID; ``prefix`` begins their ids."""

    def __init__(self, prefix: str, next_revision: Callable[[], int], max_trials: int) -> None:
        self._prefix = prefix
        self._next_revision = next_revision
        self._max_trials = max_trials
        self.by_uid: dict[str, ClusterSearch] = {}
        self.by_id: dict[str, ClusterSearch] = {}
        """Those whose object is known."""
        self.changed: set[str] = set()
        """Ids of those of which anything is new."""
        self.gone: list[str] = []
        """Ids of those that were deleted, or whose name another has now."""
        self.reports: list[tuple[str, int, int, Progress]] = []
        """Id, index, attempt and what was reported."""
        self.attempts_of: set[str] = set()
        """Ids of those of which other attempts are under way."""

    def put_search(self, body: dict[str, Any]) -> None:
        """Take in a search."""
        body.setdefault("apiVersion", SEARCHES.api_version)
        body.setdefault("kind", SEARCHES.kind)
        metadata = body["metadata"]
        search, id = self._of(metadata["namespace"], metadata["uid"]), self._id(body)
        before = self.by_id.get(id)
        if before is not None and before is not search:
            # Another of that name; that the former was deleted is told as well, or was overheard.
            self._remove(before)
        was_at_rest = search.is_at_rest
        search.body = without_managers(body)
        search.workload = read_workload(body["spec"].get("trial") or {})
        if search.is_at_rest and not was_at_rest:
            search.trials.pack()
        self.by_id[id] = search
        self.changed.add(id)

    def drop_search(self, body: Mapping[str, Any]) -> None:
        """A search was deleted."""
        search = self.by_uid.get(body["metadata"]["uid"])
        if search is not None:
            self._remove(search)

    def keep_only_searches(self, namespace: str | None, uids: Iterable[str]) -> None:
        """Forget all other searches of the namespace, or of all."""
        kept = set(uids)
        for search in [*self.by_uid.values()]:
            if namespace in (None, search.namespace) and search.body is not None and search.uid not in kept:
                self._remove(search)

    def put_trial(self, body: Mapping[str, Any]) -> str:
        """Take in a trial; returns what ``keep_only_trials`` knows it by."""
        search = self._of(body["metadata"]["namespace"], body["metadata"]["labels"][SEARCH_UID_LABEL])
        search.put(body)
        self._note(search)
        return f"{search.uid}/{body['spec']['index']}"

    def drop_trial(self, body: Mapping[str, Any]) -> None:
        """A trial was deleted."""
        search = self.by_uid.get(body["metadata"]["labels"][SEARCH_UID_LABEL])
        if search is None:
            return
        search.drop(body)
        self._note(search)
        if search.body is None and not len(search.trials):
            del self.by_uid[search.uid]

    def keep_only_trials(self, namespace: str | None, listed: Iterable[str]) -> None:
        """Forget all other trials of the namespace, or of all."""
        indexes: dict[str, set[int]] = {}
        for known in listed:
            uid, _, index = known.rpartition("/")
            indexes.setdefault(uid, set()).add(int(index))
        for search in [*self.by_uid.values()]:
            if namespace in (None, search.namespace) and not search.is_dropped:
                search.keep_only(indexes.get(search.uid, ()))
                self._note(search)

    def put_pod(self, body: Mapping[str, Any]) -> None:
        """Take in a trial's pod."""
        metadata, status = body["metadata"], body.get("status", {})
        labels, annotations = metadata["labels"], metadata.get("annotations", {})
        search = self._of(metadata["namespace"], labels[SEARCH_UID_LABEL])
        index, attempt = int(labels[INDEX_LABEL]), int(labels[ATTEMPT_LABEL])
        id = f"{self._prefix}:{metadata['namespace']}:{labels[SEARCH_LABEL]}"
        reports = search.workload is None or search.workload.is_reporter(labels)
        if reports and status.get("phase") == "Running":
            started, node = from_time(status.get("startTime")), body["spec"].get("nodeName")
            self._put_attempt(
                id, search, metadata["uid"], RunningAttempt(index, attempt, started, metadata["name"], node)
            )
        else:
            self._put_attempt(id, search, metadata["uid"], None)
        if reports and (progress := parse_progress(annotations.get(PROGRESS_ANNOTATION, ""))) is not None:
            self.reports.append((id, index, attempt, progress))

    def drop_pod(self, body: Mapping[str, Any]) -> None:
        """A pod was deleted, or has ended."""
        metadata = body["metadata"]
        search = self.by_uid.get(metadata["labels"][SEARCH_UID_LABEL])
        if search is not None:
            id = f"{self._prefix}:{metadata['namespace']}:{metadata['labels'][SEARCH_LABEL]}"
            self._put_attempt(id, search, metadata["uid"], None)

    def keep_only_pods(self, namespace: str | None, uids: Iterable[str]) -> None:
        """Forget all other pods of the namespace, or of all."""
        kept = set(uids)
        for id, search in self.by_id.items():
            for uid in search.pods.keys() - kept if namespace in (None, search.namespace) else ():
                self._put_attempt(id, search, uid, None)

    def pack(self) -> None:
        """Pack all trials that are at rest: thousands of them are listed one after the other."""
        for search in self.by_uid.values():
            search.trials.pack()

    def make_room(self) -> None:
        """Drop trials until there are no more than may be kept."""
        total = sum(len(search.trials) for search in self.by_uid.values())
        if total <= self._max_trials:
            return
        # What was asked for last is being looked at now.
        for search in sorted(self.by_uid.values(), key=lambda search: (not search.is_at_rest, search.asked))[:-1]:
            if total <= self._max_trials:
                return
            if search.is_filling:
                continue
            total -= len(search.trials)
            search.drop_trials()

    def _put_attempt(self, id: str, search: ClusterSearch, pod: str, attempt: RunningAttempt | None) -> None:
        if search.pods.get(pod) == attempt:
            return
        if attempt is None:
            del search.pods[pod]
        else:
            search.pods[pod] = attempt
        self.attempts_of.add(id)

    def _of(self, namespace: str, uid: str) -> ClusterSearch:
        search = self.by_uid.get(uid)
        if search is None:
            search = self.by_uid[uid] = ClusterSearch(namespace, uid, self._next_revision)
        return search

    def _note(self, search: ClusterSearch) -> None:
        if search.body is not None:
            self.changed.add(self._id(search.body))

    def _remove(self, search: ClusterSearch) -> None:
        self.by_uid.pop(search.uid, None)
        if search.body is None:
            return
        id = self._id(search.body)
        if self.by_id.get(id) is search:
            del self.by_id[id]
            self.changed.discard(id)
            self.gone.append(id)

    def _id(self, body: Mapping[str, Any]) -> str:
        return f"{self._prefix}:{body['metadata']['namespace']}:{body['metadata']['name']}"


def pins_of(body: Mapping[str, Any]) -> list[int]:
    """Return which trials a search's annotations pin."""
    return read_pins(body["metadata"].get("annotations", {}))


def _version(body: Mapping[str, Any]) -> int:
    return int(body["metadata"]["resourceVersion"])


def _ended(status: Mapping[str, Any]) -> datetime | None:
    return from_time(status.get("completionTime"))
