"""A search from Python in a cluster: submitted with the files that its trials need, and waited for.

The search is written before its files, which it owns, so that deleting it deletes them. Until they are there, trials
wait for them; whoever is interrupted between the two writes submits again, which is always safe.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from typing import Any

from evonas.cluster.client.api import Api, ApiError, Conflict, NotFound, Refused, Unavailable
from evonas.cluster.client.resources import CONFIG_MAPS, SEARCHES
from evonas.errors import EvonasError
from evonas.python.mounted import MountedFiles
from evonas.recorded.search import Phase, overview_of, phase_of
from evonas.search.codec import owner_reference
from evonas.search.conditions import find_condition
from evonas.sources.cluster import ask
from evonas.sources.options import ClusterOptions

MANAGER = "evonas-submit"
TRIES = 10
_SETTLE_SECONDS = 0.5
"""Between two tries, while somebody else changes or deletes the same object."""
_SILENCE = 60.0
"""Seconds without news after which the search is read again: a connection may have died."""
_MOST_SECONDS_APART = 30.0
_SET_BY_TOOLS = ("suspend", "warmStart")
"""Fields that people set on a running search, and that submitting it again leaves as they are unless it has them."""


def submit(manifest: Mapping[str, Any], files: MountedFiles | None, options: ClusterOptions) -> None:
    """Create the search with its files or, if it exists, make it what the manifest says.

    Repeating it changes nothing. EvonasError if the cluster refuses: a search that exists can have another budget and
    other trials, but no other space, objective or agent.
    """

    async def write(api: Api, namespace: str) -> None:
        place = f"{namespace}/{manifest['metadata']['name']}"
        try:
            await _write(api, namespace, manifest, files)
        except (NotFound, Refused) as error:
            raise EvonasError(f"submit: {place}: the cluster at {api.server} {_said(error)}") from error

    ask(_placed(manifest, options), write)


def wait(
    name: str,
    options: ClusterOptions,
    *,
    timeout: float | None = None,
    seen: Callable[[Mapping[str, Any]], object] = lambda search: None,
) -> dict[str, Any]:
    """Return the search, an object of the API, once it is complete or has failed.

    ``seen`` is called with it as it is, and after each change. TimeoutError after ``timeout`` seconds; EvonasError if
    there is no such search, it is deleted, or the operator does not accept it.
    """
    latest: dict[str, Any] = {}

    async def watch(api: Api, namespace: str) -> dict[str, Any]:
        try:
            async with asyncio.timeout(timeout):
                return await _watch(api, namespace, name, latest, seen)
        except TimeoutError:
            assert timeout is not None
            raise TimeoutError(_unfinished(f"{namespace}/{name}", latest, timeout)) from None

    return ask(options, watch)


def changes(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the merge patch that makes one object another: what is not wanted is null, which gives it its default."""
    patch: dict[str, Any] = {key: None for key in live if key not in wanted}
    for key, value in wanted.items():
        before = live.get(key)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            if inner := changes(before, value):
                patch[key] = inner
        elif key not in live or value != before:
            patch[key] = value
    return patch


def change_of(live: Mapping[str, Any], manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the merge patch that makes a search what a manifest declares, but for what was set on it since."""
    spec: dict[str, Any] = deepcopy(dict(manifest["spec"]))
    kept = live["spec"]
    for field in _SET_BY_TOOLS:
        if field in kept and field not in spec:
            spec[field] = kept[field]
    # `evonas enqueue` appends to them.
    listed, enqueued = (each.get("warmStart", {}).get("candidates", []) for each in (spec, kept))
    if listed and enqueued[: len(listed)] == listed:
        spec["warmStart"]["candidates"] = enqueued
    own = manifest["metadata"]
    noted = {field: own[field] for field in ("labels", "annotations") if own.get(field)}
    metadata = {
        field: {key: value for key, value in wanted.items() if live["metadata"].get(field, {}).get(key) != value}
        for field, wanted in noted.items()
    }
    patch = {"metadata": {field: new for field, new in metadata.items() if new}, "spec": changes(kept, spec)}
    return {field: inner for field, inner in patch.items() if inner}


async def _write(api: Api, namespace: str, manifest: Mapping[str, Any], files: MountedFiles | None) -> None:
    existed = False
    try:
        search = await api.create(SEARCHES, namespace, manifest, manager=MANAGER)
    except Conflict:
        existed = True
        search = await api.get(SEARCHES, namespace, manifest["metadata"]["name"])
        if "deletionTimestamp" in search["metadata"]:
            raise EvonasError(f"submit: {_place(search)} is being deleted; submit it again once it is gone") from None
    # Before the template that names them: trials of the one before go on with theirs.
    if files is not None:
        await _provide(api, namespace, search, files)
    if existed and (patch := change_of(search, manifest)):
        await _change(api, namespace, search, patch)


async def _change(api: Api, namespace: str, search: Mapping[str, Any], patch: Mapping[str, Any]) -> None:
    try:
        await api.merge(SEARCHES, namespace, search["metadata"]["name"], patch, manager=MANAGER)
    except Refused as error:
        if error.reason != "Invalid":
            raise
        raise EvonasError(
            f"submit: {_place(search)} exists and cannot become this one; name it differently, or delete it:"
            f" {_on_one_line(error.message)}"
        ) from error


async def _provide(api: Api, namespace: str, search: Mapping[str, Any], files: MountedFiles) -> None:
    """Create the ConfigMap of a search, or see that it is there and the search's own."""
    metadata = search["metadata"]
    owner = owner_reference(SEARCHES.kind, metadata["name"], metadata["uid"])
    for _ in range(TRIES):
        with suppress(Conflict):
            await api.create(CONFIG_MAPS, namespace, files.config_map(metadata["name"], owner), manager=MANAGER)
            return
        with suppress(Conflict, NotFound):
            found = await api.get(CONFIG_MAPS, namespace, files.name)
            if found.get("data") != files.data:
                raise EvonasError(f"submit: ConfigMap {namespace}/{files.name} holds something else; delete it")
            theirs = found["metadata"]
            if "deletionTimestamp" not in theirs:
                if owner["uid"] not in (each["uid"] for each in theirs.get("ownerReferences", ())):
                    # Left by a search of this name that was deleted, with which it would be deleted now.
                    own = {"resourceVersion": theirs["resourceVersion"], "ownerReferences": [owner]}
                    await api.merge(CONFIG_MAPS, namespace, files.name, {"metadata": own}, manager=MANAGER)
                return
        await asyncio.sleep(_SETTLE_SECONDS)
    raise EvonasError(f"submit: ConfigMap {namespace}/{files.name} is being deleted; submit again once it is gone")


async def _watch(
    api: Api, namespace: str, name: str, latest: dict[str, Any], seen: Callable[[Mapping[str, Any]], object]
) -> dict[str, Any]:
    uid, apart = None, 1.0
    while True:
        try:
            search = await api.get(SEARCHES, namespace, name)
            uid = uid or search["metadata"]["uid"]
            async for body in api.watch(SEARCHES, namespace, name, silence=_SILENCE):
                if body is None or body["metadata"]["uid"] != uid:
                    raise EvonasError(f"wait: {namespace}/{name} was deleted")
                apart = 1.0
                latest.clear()
                latest |= body
                seen(body)
                if _is_over(body):
                    return body
        except NotFound as error:
            gone = "was deleted" if uid else f"does not exist in the cluster at {api.server} ({error.message})"
            raise EvonasError(f"wait: {namespace}/{name} {gone}") from error
        except Unavailable:
            # The first time, nobody knows whether there is a cluster at all.
            if uid is None:
                raise
        # A server ends its streams now and then, too.
        await asyncio.sleep(apart)
        apart = min(2 * apart, _MOST_SECONDS_APART)


def _is_over(search: Mapping[str, Any]) -> bool:
    """Say whether a search is over, as it is declared now; EvonasError if the operator does not accept it."""
    status = search.get("status", {})
    if status.get("observedGeneration") != search["metadata"]["generation"]:
        return False
    phase = phase_of(status)
    if phase is Phase.REFUSED:
        accepted = find_condition(status, "Accepted") or {}
        raise EvonasError(f"wait: {_place(search)} is not accepted: {_on_one_line(accepted.get('message', ''))}")
    return phase.is_over


def _unfinished(place: str, search: Mapping[str, Any], timeout: float) -> str:
    """Say where a search stands that was waited for in vain."""
    phase = phase_of(search.get("status", {}))
    if phase is Phase.PENDING:
        return f"after {timeout:g} s, no operator has taken up {place}; `evonas doctor` says why"
    overview = overview_of(search)
    counts = overview.counts
    ended = counts.get("total", 0) - sum(counts.get(state, 0) for state in ("queued", "running", "paused"))
    return f"after {timeout:g} s, {place} is {phase}: {ended} of {overview.max_trials} trials have ended; wait again"


def _placed(manifest: Mapping[str, Any], options: ClusterOptions) -> ClusterOptions:
    """Return the options with the manifest's namespace, if it names one; EvonasError if they name another."""
    own = manifest["metadata"].get("namespace")
    if own is None or own == options.namespace:
        return options
    if options.namespace is not None:
        raise EvonasError(f"submit: namespace {options.namespace} was asked for, but metadata.namespace is {own}")
    return replace(options, namespace=own)


def _said(error: ApiError) -> str:
    if isinstance(error, NotFound) and "namespaces" not in error.message:
        return f"has no kind {SEARCHES.kind}: install Evo-NAS there; `evonas doctor` says how"
    return f"refuses it: {_on_one_line(error.message)}"


def _place(search: Mapping[str, Any]) -> str:
    return f"{search['metadata']['namespace']}/{search['metadata']['name']}"


def _on_one_line(message: str) -> str:
    return " ".join(message.split())
