"""The pages about installing: their Helm commands, one after the other, on a real API server.

What they leave is removed between them; each begins as its reader does. `--wait` and `helm test` need a node, so the
first block of the first page is run in `tests/e2e`.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from harness.client import Cluster
from harness.errors import CommandFailed
from tests.chart.rendering import NAMESPACE, RELEASE, ROOT, installed, of_kind
from tests.command_line import shell_of
from tests.shell_blocks import HELM, blocks_run_by, reader_folder
from tests.unit.docs.markdown import Page

pytestmark = [pytest.mark.kwok, pytest.mark.timeout(300)]
CRDS = "architecturesearches.evonas.dev"
# What a block takes for granted, by how it begins.
NEEDS = {"helm upgrade": f"helm install {RELEASE} charts/evonas --namespace {NAMESPACE}"}
GOES_ON = ("--set crds.install=false", "helm uninstall", "kubectl delete crd")
"""Blocks that follow on the one before."""


def clear(cluster: Cluster) -> None:
    # Where Helm keeps its records: asking it in every namespace takes a second each time.
    for namespace in {body["metadata"]["namespace"] for body in cluster.list("secrets", selector="owner=helm")}:
        cluster.helm("uninstall", RELEASE, "--namespace", namespace, "--ignore-not-found", "--wait")
    # What came without Helm's own records.
    mine = f"--selector=app.kubernetes.io/instance={RELEASE}"
    kinds = {body["kind"] for body in installed()} - {"CustomResourceDefinition"}
    cluster.kubectl("delete", ",".join(sorted(kinds)), "-A", mine)
    cluster.kubectl("delete", "crd", mine, "--wait=false")

    def are_gone() -> bool:
        if not cluster.kubectl("get", "crd", mine, "-o", "name"):
            return True
        # The API server can lose sight of a CRD that is deleted as soon as it is made, for as long as five minutes: its
        # controller passes a conflict by, and the change behind it does not count. Any other change makes it look.
        with suppress(CommandFailed):  # It may be gone by now.
            cluster.kubectl("annotate", "crd", mine, "--overwrite", f"evonas-test/looked={time.monotonic()}")
        return False

    cluster.wait_for("the CRDs to go", are_gone, interval=1)


def test_commands_run(cluster: Cluster, tmp_path: Path) -> None:
    folder, shell = reader_folder(tmp_path), shell_of(cluster, "default", tmp_path)
    blocks = blocks_run_by(HELM)
    for block in blocks:
        for name, content in block.page.files().items():
            (folder / name).write_text(content, encoding="utf-8")
        if not any(sign in block.text for sign in GOES_ON):
            clear(cluster)
        before = next((text for begins, text in NEEDS.items() if block.text.startswith(begins)), "true")
        block.run(folder, shell, f"{before}\n{block.text}")
    assert len(blocks) == 11
    with pytest.raises(Exception, match="not found"):
        cluster.get("crd", CRDS)


def test_values_of_the_page_are_the_charts(tmp_path: Path) -> None:
    (block,) = Page(ROOT / "docs" / "install.md").fences("yaml")
    (tmp_path / "values.yaml").write_text(block, encoding="utf-8")
    (deployment,) = of_kind(installed(tmp_path / "values.yaml"), "Deployment")
    assert deployment["spec"]["replicas"] == yaml.safe_load(block)["replicaCount"]
