"""What submitting a search again changes, and what its trials are given; the rest needs an API server."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas.errors import EvonasError
from evonas.python.cluster import change_of, changes, submit
from evonas.python.mounted import MountedFiles, mounted_script, template_of
from evonas.sources.loops import run_to_end
from evonas.sources.options import ClusterOptions

OBJECTS: st.SearchStrategy[Any] = st.recursive(
    st.integers() | st.text() | st.lists(st.integers()),
    lambda inner: st.dictionaries(st.sampled_from("abcd"), inner),
    max_leaves=12,
)
MAPPINGS = st.dictionaries(st.sampled_from("abcd"), OBJECTS)


def merged(target: Any, patch: Any) -> Any:
    """RFC 7386, transcribed."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


@given(MAPPINGS, MAPPINGS)
def test_the_patch_makes_one_object_the_other(live: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert merged(live, changes(live, wanted)) == wanted
    assert changes(wanted, wanted) == {}


def search(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "digits"}, "spec": {"budget": {"maxTrials": 4}, **spec}}


class TestChange:
    def test_what_tools_set_stays(self) -> None:
        enqueued = {"candidates": [{"width": 8}, {"width": 16}]}
        live = search(suspend=True, warmStart=enqueued)
        assert change_of(live, search()) == {}
        assert change_of(live, search(warmStart={"candidates": [{"width": 8}]})) == {}
        assert change_of(live, search(suspend=False)) == {"spec": {"suspend": False}}
        other = {"candidates": [{"width": 32}]}
        assert change_of(live, search(warmStart=other)) == {"spec": {"warmStart": other}}

    def test_what_is_left_out_gets_its_default(self) -> None:
        live = search(trial={"retries": 5}, fidelity={"rule": "Median"})
        assert change_of(live, search(trial={})) == {"spec": {"trial": {"retries": None}, "fidelity": None}}

    def test_labels_are_added_and_never_removed(self) -> None:
        live, wanted = search(), search()
        live["metadata"]["labels"] = {"team": "vision", "queue": "a"}
        wanted["metadata"]["labels"] = {"team": "vision", "queue": "b"}
        assert change_of(live, wanted) == {"metadata": {"labels": {"queue": "b"}}}

    def test_another_namespace_than_the_manifests_is_refused(self) -> None:
        manifest = search()
        manifest["metadata"]["namespace"] = "mine"
        with pytest.raises(EvonasError, match=r"namespace yours was asked for, but metadata\.namespace is mine"):
            submit(manifest, None, ClusterOptions(namespace="yours"))


class TestTemplate:
    def test_a_command_is_as_it_is_given(self) -> None:
        template = template_of(
            "registry/me/train:1",
            command=["python", "train.py"],
            args=["--lr=$(EVONAS_D_LEARNING_RATE)"],
            gpus=2,
            cpu=4,
            memory="16Gi",
            env={"DATA": "/data"},
        )
        container = {
            "name": "trial",
            "image": "registry/me/train:1",
            "command": ["python", "train.py"],
            "args": ["--lr=$(EVONAS_D_LEARNING_RATE)"],
            "env": [{"name": "DATA", "value": "/data"}],
            "resources": {
                "requests": {"cpu": "4", "memory": "16Gi"},
                "limits": {"memory": "16Gi", "nvidia.com/gpu": "2"},
            },
        }
        assert template == {"spec": {"containers": [container]}}

    def test_an_image_may_be_all(self) -> None:
        assert template_of("train:1") == {"spec": {"containers": [{"name": "trial", "image": "train:1"}]}}

    def test_files_are_mounted_and_run(self) -> None:
        files = MountedFiles("digits-files-1a2b", {"train.py": "", "evonas_trial/report.py": ""})
        pod = template_of("train:1", files=files)["spec"]
        (container,), (volume,) = pod["containers"], pod["volumes"]
        assert container["command"] == ["python", "-u", "/evonas/train.py"]
        assert container["volumeMounts"] == [{"name": volume["name"], "mountPath": "/evonas", "readOnly": True}]
        assert volume["configMap"] == {
            "name": "digits-files-1a2b",
            "items": [
                {"key": "train.py", "path": "train.py"},
                {"key": "evonas_trial.report.py", "path": "evonas_trial/report.py"},
            ],
        }
        assert template_of("train:1", command=["torchrun", "/evonas/train.py"], files=files)["spec"]["containers"][0][
            "command"
        ] == ["torchrun", "/evonas/train.py"]


def test_files_of_another_content_have_another_name() -> None:
    first, again, other = (mounted_script("digits", script).name for script in ("a = 1\n", "a = 1\n", "a = 2\n"))
    assert first == again != other
    assert mounted_script("d" * 40, "").name.startswith("d" * 40 + "-files-")
    assert len(mounted_script("d" * 40, "").name) <= 63


class TestLoops:
    def test_a_loop_that_runs_already_is_no_hindrance(self) -> None:
        async def cell() -> str:
            return run_to_end(asyncio.sleep(0, "done"))

        assert run_to_end(asyncio.sleep(0, "done")) == "done"
        assert asyncio.run(cell()) == "done"

    def test_errors_arrive(self) -> None:
        async def fail() -> None:
            raise EvonasError("no")

        async def cell() -> None:
            run_to_end(fail())

        with pytest.raises(EvonasError, match="no"):
            asyncio.run(cell())

    def test_an_interrupt_ends_what_runs(self) -> None:
        ended = []

        async def wait() -> None:
            os.kill(os.getpid(), signal.SIGINT)
            try:
                await asyncio.sleep(600)
            finally:
                ended.append(threading.current_thread().name)

        async def cell() -> None:
            run_to_end(wait())

        # As in a notebook's kernel: asyncio.run would take the signal for itself.
        loop = asyncio.new_event_loop()
        # A shell has its background jobs ignore it.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        with pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(cell())
        signal.signal(signal.SIGINT, before)
        loop.close()
        assert ended == ["evonas"]
