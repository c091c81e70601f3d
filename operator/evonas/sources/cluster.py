"""A cluster as a source: the search's objects and its pods' logs. Imported only when a cluster is needed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from evonas.cluster.client.api import Api, ApiError, Conflict, NotFound, Refused, Unavailable
from evonas.cluster.client.connection import load_connection, load_namespace
from evonas.cluster.client.resources import CONFIG_MAPS, EVENTS, PODS, SEARCHES, TRIALS, Resource
from evonas.cluster.client.rights import may
from evonas.cluster.state.knowledge_map import RESTORE, check_digest, from_config_map
from evonas.errors import EvonasError
from evonas.recorded.knowledge_record import Knowledge, UnusableKnowledge
from evonas.recorded.search import RecordedSearch, phase_of
from evonas.search.backlog import Decisions
from evonas.search.codec import SearchIdentity, from_object
from evonas.search.interventions import read_pins
from evonas.search.names import (
    ATTEMPT_LABEL,
    INDEX_LABEL,
    PIN_ANNOTATION,
    SEARCH_UID_LABEL,
    VETO_ANNOTATION,
    knowledge_name,
    workload_name,
)
from evonas.search.trial import Trial
from evonas.sources.events import SeenEvent, events_about
from evonas.sources.loops import run_to_end
from evonas.sources.options import NOT_HERE, ClusterOptions, Forbidden, NoCluster
from evonas.sources.source import Change, Choice, check_change, check_pin, check_vetoable
from evonas.spec import TrialSpec

T = TypeVar("T")

TRIES = 10


class ClusterSource:
    """The search ``name`` in a cluster."""

    def __init__(self, options: ClusterOptions, name: str) -> None:
        self._options = options
        self._name = name
        self._known: Knowledge | None = None
        """Read once: it never changes."""

    def read(self) -> RecordedSearch:
        """Return the record as it is now."""
        return self._ask(self._read)

    def log(
        self, trial: Trial, attempt: int, write: Callable[[bytes], object], *, follow: bool, tail: int | None = None
    ) -> None:
        """Pass on the log of the attempt's latest pod; of several, of the one that prints what the training does."""

        async def pass_on(api: Api, namespace: str) -> None:
            record = await self._read(api, namespace)
            pods = await _list(api, PODS, namespace, _pods_of(record, trial, attempt))
            shown = [*_printing(record.spec.trial, pods)]
            if not shown:
                raise EvonasError(
                    f"attempt {attempt} of trial {trial.index} no longer has a pod: Jobs are deleted after"
                    " spec.trial.ttlSecondsAfterFinished; raise it, or look in the cluster's log collection"
                )
            pod, container = max(shown, key=lambda each: str(each[0]["metadata"]["creationTimestamp"]))
            async for chunk in api.log(namespace, pod["metadata"]["name"], container, follow=follow, tail=tail):
                write(chunk)

        self._ask(pass_on)

    def enqueue(self, choose: Choice, *, preview: bool = False) -> Sequence[Decisions]:
        """Append to ``spec.warmStart.candidates``, as editing the manifest would."""

        async def append(api: Api, namespace: str) -> Sequence[Decisions]:
            for _ in range(TRIES):
                record = await self._read(api, namespace)
                listed = record.spec.warm_start.candidates
                chosen = choose(record, listed)
                body = {
                    # Without this, candidates that somebody else enqueued meanwhile would be lost.
                    "metadata": {"resourceVersion": record.body["metadata"]["resourceVersion"]},
                    "spec": {"warmStart": {"candidates": [*map(dict, listed), *map(dict, chosen)]}},
                }
                try:
                    await api.merge(SEARCHES, namespace, self._name, body, manager="evonas-enqueue", dry_run=preview)
                except Conflict:
                    # The operator writes the status every two seconds.
                    continue
                return chosen
            raise self._changes_too_often(namespace)

        return self._ask(append)

    def veto(self, index: int, because: str, *, preview: bool = False) -> None:
        """Annotate the search."""

        async def annotate(api: Api, namespace: str) -> None:
            check_vetoable(await self._read(api, namespace), index)
            body = {"metadata": {"annotations": {f"{VETO_ANNOTATION}{index}": because}}}
            await api.merge(SEARCHES, namespace, self._name, body, manager="evonas-veto", dry_run=preview)

        self._ask(annotate)

    def pin(self, index: int, *, stays: bool, preview: bool = False) -> None:
        """Annotate the search, or remove the annotation."""

        async def annotate(api: Api, namespace: str) -> None:
            record = await self._read(api, namespace)
            pinned = read_pins(record.body["metadata"].get("annotations", {}))
            check_pin(record, pinned, index, stays=stays)
            body = {"metadata": {"annotations": {f"{PIN_ANNOTATION}{index}": "" if stays else None}}}
            await api.merge(SEARCHES, namespace, self._name, body, manager="evonas-pin", dry_run=preview)

        self._ask(annotate)

    def change(self, change: Change, *, preview: bool = False) -> None:
        """Change the declaration, unless that, as it is now, forbids it."""

        async def merge(api: Api, namespace: str) -> None:
            for _ in range(TRIES):
                found = await self._find(api, namespace)
                check_change(found, change)
                body = {
                    # Somebody else may have raised the budget meanwhile.
                    "metadata": {"resourceVersion": found["metadata"]["resourceVersion"]},
                    "spec": change.spec(),
                }
                try:
                    await api.merge(SEARCHES, namespace, self._name, body, manager="evonas-ui", dry_run=preview)
                except Conflict:
                    continue
                return
            raise self._changes_too_often(namespace)

        self._ask(merge)

    def as_user(self, token: str) -> ClusterSource:
        """Return the same search for whoever has a bearer token: all that this process may is forgotten."""
        return ClusterSource(replace(self._options, token=token), self._name)

    def refusal(self) -> str:
        """Ask the API server whether we may patch the search, as all that is changed here needs."""

        async def review(api: Api, namespace: str) -> str:
            if await may(api, namespace, "patch", SEARCHES, name=self._name):
                return ""
            return (
                f"you may not patch {SEARCHES.plural}.{SEARCHES.group} in namespace {namespace}: ask for a role such as"
                " edit, which the chart extends to searches"
            )

        return self._ask(review)

    def events(self) -> Sequence[SeenEvent]:
        """List the namespace's events, and pick those about the search."""

        async def pick(api: Api, namespace: str) -> Sequence[SeenEvent]:
            metadata = (await self._find(api, namespace))["metadata"]
            identity = SearchIdentity(metadata["name"], metadata["uid"], namespace)
            return events_about(identity, await _list(api, EVENTS, namespace))

        return self._ask(pick)

    def _changes_too_often(self, namespace: str) -> EvonasError:
        return EvonasError(f"{namespace}/{self._name} changed {TRIES} times meanwhile; try again")

    def _ask(self, question: Callable[[Api, str], Awaitable[T]]) -> T:
        with self._options.second(NOT_HERE.format(self._name)):
            return ask(self._options, question)

    async def _find(self, api: Api, namespace: str) -> dict[str, Any]:
        try:
            return await api.get(SEARCHES, namespace, self._name)
        except NotFound as error:
            here = f"{self._name}:" if self._options.given else f"{NOT_HERE.format(self._name)}, and"
            there = f"the cluster at {api.server} has no such search in namespace {namespace}"
            raise EvonasError(f"{here} {there} ({error.message})") from error

    async def _read(self, api: Api, namespace: str) -> RecordedSearch:
        body = await self._find(api, namespace)
        selector = f"{SEARCH_UID_LABEL}={body['metadata']['uid']}"
        trials = sorted(map(read_trial, await _list(api, TRIALS, namespace, selector)), key=lambda trial: trial.index)
        problem = ""
        if "knowledge" in body["spec"] and self._known is None:
            self._known, problem = await read_knowledge(api, body)
        return RecordedSearch(
            source=f"{namespace}/{self._name}",
            body=without_managers(body),
            trials=tuple(trials),
            phase=phase_of(body.get("status", {})),
            images=_images(await _list(api, PODS, namespace, selector)),
            knowledge=self._known,
            knowledge_problem=problem,
        )


async def read_knowledge(api: Api, body: Mapping[str, Any]) -> tuple[Knowledge | None, str]:
    """Read what a search's agent knew from earlier searches; nothing, and why, if that is impossible."""
    metadata = body["metadata"]
    name = knowledge_name(metadata["name"], metadata["uid"])
    try:
        known = from_config_map(await api.get(CONFIG_MAPS, metadata["namespace"], name))
        check_digest(known, body.get("status", {}))
    except NotFound:
        return None, f"ConfigMap {name}, which records it, does not exist; {RESTORE}"
    except Refused as refused:
        return None, f"it is recorded in ConfigMap {name}, which you may not read: {refused.message}"
    except UnusableKnowledge as error:
        return None, str(error)
    return known.knowledge, ""


def list_searches(options: ClusterOptions, *, selector: str = "", everywhere: bool = False) -> list[dict[str, Any]]:
    """Return the searches of the namespace, or of all, as objects, sorted by namespace and name."""

    async def collect(api: Api, namespace: str) -> list[dict[str, Any]]:
        bodies = await _list(api, SEARCHES, None if everywhere else namespace, selector)
        bodies.sort(key=lambda body: (body["metadata"]["namespace"], body["metadata"]["name"]))
        return list(map(without_managers, bodies))

    return ask(options, collect)


def ask(options: ClusterOptions, question: Callable[[Api, str], Awaitable[T]]) -> T:
    """Return what ``question`` finds out, given the API and the namespace; EvonasError if the cluster refuses."""

    async def connect_and_ask() -> T:
        try:
            connection = await load_connection(options.kubeconfig, options.context)
        except EvonasError as error:
            raise NoCluster(str(error)) from error
        namespace = options.namespace or load_namespace(options.kubeconfig, options.context)
        if options.token is not None:
            connection = connection.as_user(options.token)
        try:
            async with Api(connection) as api:
                return await question(api, namespace)
        except ApiError as error:
            raise _said(connection.server, error) from error

    return run_to_end(connect_and_ask())


def _said(server: str, error: ApiError) -> EvonasError:
    """Return for people what an API server answered, or that it did not."""
    if error.code in (401, 403):
        return Forbidden(f"the cluster at {server} answered {error}")
    if isinstance(error, Unavailable) and not error.code:
        return NoCluster(f"the cluster at {server} cannot be reached: {error.message}")
    return EvonasError(f"the cluster at {server} answered {error}")


async def _list(api: Api, resource: Resource, namespace: str | None, selector: str = "") -> list[dict[str, Any]]:
    return [body async for page, _ in api.list(resource, namespace, label_selector=selector) for body in page]


def read_trial(body: Mapping[str, Any]) -> Trial:
    """Return an ArchitectureTrial's record; EvonasError if it is none."""
    try:
        return from_object(body)
    except (KeyError, TypeError, ValueError) as error:
        metadata = body["metadata"]
        raise EvonasError(
            f"ArchitectureTrial {metadata['namespace']}/{metadata['name']} cannot be read: {error!r}"
        ) from error


def without_managers(body: dict[str, Any]) -> dict[str, Any]:
    """Return an object without what the server notes about who wrote which field."""
    return {**body, "metadata": {key: value for key, value in body["metadata"].items() if key != "managedFields"}}


def _pods_of(record: RecordedSearch, trial: Trial, attempt: int) -> str:
    """Return the selector of an attempt's pods."""
    identity, workload = record.identity, record.spec.trial.workload
    if workload is not None and workload.kind.pod_label is not None:
        longest = workload.kind.longest_name(workload.spec)
        name = workload_name(identity.name, identity.uid, trial.index, attempt, longest)
        return f"{workload.kind.pod_label}={name}"
    labels = {SEARCH_UID_LABEL: identity.uid, INDEX_LABEL: trial.index, ATTEMPT_LABEL: attempt}
    return ",".join(f"{key}={value}" for key, value in labels.items())


def _printing(trial: TrialSpec, pods: Iterable[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield those pods that print what the training does, each with the container that does it."""
    for body in pods:
        labels = body["metadata"]["labels"]
        container = trial.container if trial.workload is None else trial.workload.printer(labels, trial.container)
        if container is not None:
            yield body, container


def _images(pods: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Return the digests of the images of those pods that still exist."""
    found: dict[str, set[str]] = {}
    for pod in pods:
        for container in pod.get("status", {}).get("containerStatuses", ()):
            if container.get("imageID"):
                found.setdefault(container["image"], set()).add(container["imageID"])
    return {image: sorted(digests) for image, digests in sorted(found.items())}
