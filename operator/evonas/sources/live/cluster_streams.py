"""From the lists and watches of a cluster's kinds to what is known of its searches, and whether each is current."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Set
from datetime import UTC, datetime
from typing import Any

from evonas.cluster.client.api import ApiError, NotFound, Refused
from evonas.cluster.client.collection import Collection
from evonas.cluster.client.resources import Resource
from evonas.sources.live.cluster_searches import ClusterSearches

Collected = Set[str]
TIDY_EVERY = 500
"""After so many trials, they are packed, and whether there are too many is looked at; a page of a list has as many."""

logger = logging.getLogger(__name__)


class Stream(ABC):
    """One kind in one scope, as ``collection.follow`` tells of it."""

    def __init__(self, known: ClusterSearches, tell: Callable[[], object], what: Collection) -> None:
        """``tell`` is called when it is current again, or is not any more."""
        self.what = what
        self.seen: datetime | None = None
        """When it was last known to be current."""
        self.problem: str | None = None
        """Why it is not current."""
        self._listed: set[str] | None = None
        """While a list is read, what was listed."""
        self._known = known
        self._tell = tell

    @property
    def resource(self) -> Resource:
        """The kind."""
        return self.what.resource

    @property
    def was_read(self) -> bool:
        """Whether it was listed once, or there is a reason why not."""
        return self.seen is not None or self.problem is not None

    def begin(self) -> None:
        """A list begins."""
        self._listed = set()

    def put(self, body: dict[str, Any]) -> None:
        """Take in an object; one that is not ours has our label by mistake."""
        try:
            uid = self._put(body)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self._skip(body, error)
            return
        if self._listed is not None:
            self._listed.add(uid)

    def drop(self, body: Mapping[str, Any]) -> None:
        """Forget an object."""
        try:
            self._drop(body)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self._skip(body, error)

    def end(self) -> None:
        """The list is over."""
        if self._listed is not None:
            self._keep_only(self._listed)
            self._listed = None

    @abstractmethod
    def _put(self, body: dict[str, Any]) -> str:
        """Take in an object of ours; returns its UID."""

    @abstractmethod
    def _keep_only(self, listed: Collected) -> None:
        """Forget all others of the scope; ``listed`` are UIDs."""

    @abstractmethod
    def _drop(self, body: Mapping[str, Any]) -> None:
        """Forget an object of ours."""

    def is_current(self) -> None:
        """All that there was a moment ago has been told."""
        news = self.seen is None or self.problem is not None
        self.seen, self.problem = datetime.now(UTC), None
        if news:
            self._tell()

    def is_stale(self, error: ApiError) -> None:
        """What is known may be out of date."""
        problem = self._say(error)
        if problem != self.problem:
            self.problem = problem
            logger.warning("%s", problem)
            self._tell()

    def _say(self, error: ApiError) -> str:
        plural = self.resource.plural
        where = "any namespace" if self.what.namespace is None else f"namespace {self.what.namespace}"
        if isinstance(error, NotFound):
            return f"the cluster has no {plural} ({error.message}): is evonas installed there?"
        if isinstance(error, Refused):
            return f"you may not list and watch {plural} in {where}: {error.message}"
        return f"{plural} in {where} cannot be followed, and may have changed: {error.message or error}"

    def _skip(self, body: Mapping[str, Any], error: Exception) -> None:
        name = body.get("metadata", {}).get("name")
        logger.info("%s %s is not ours: %r", self.resource.kind, name, error)


class SearchStream(Stream):
    """Searches."""

    def _put(self, body: dict[str, Any]) -> str:
        self._known.put_search(body)
        return str(body["metadata"]["uid"])

    def _drop(self, body: Mapping[str, Any]) -> None:
        self._known.drop_search(body)

    def _keep_only(self, listed: Collected) -> None:
        self._known.keep_only_searches(self.what.namespace, listed)


class TrialStream(Stream):
    """Trials."""

    _entered = 0

    def _put(self, body: dict[str, Any]) -> str:
        uid = self._known.put_trial(body)
        self._entered += 1
        if self._entered % TIDY_EVERY == 0:
            self._known.pack()
            self._known.make_room()
        return uid

    def _drop(self, body: Mapping[str, Any]) -> None:
        self._known.drop_trial(body)

    def _keep_only(self, listed: Collected) -> None:
        self._known.keep_only_trials(self.what.namespace, listed)


class PodStream(Stream):
    """Pods of trials that have not ended: what they report, and where they run."""

    def _put(self, body: dict[str, Any]) -> str:
        self._known.put_pod(body)
        return str(body["metadata"]["uid"])

    def _drop(self, body: Mapping[str, Any]) -> None:
        self._known.drop_pod(body)

    def _keep_only(self, listed: Collected) -> None:
        self._known.keep_only_pods(self.what.namespace, listed)

    def _say(self, error: ApiError) -> str:
        missing = "learning curves of running trials, and where they run, are missing"
        return f"{super()._say(error)}; {missing}"
