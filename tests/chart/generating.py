"""The chart's part of `make generate`: what in it is made of something else, the CRDs' copies and the README."""

from __future__ import annotations

from harness import binaries
from harness.commands import run
from tests.chart.rendering import CHART, ROOT


def readme() -> str:
    """Return the README that helm-docs makes of the comments in the values."""
    helm_docs = binaries.ensure(binaries.HELM_DOCS)["helm-docs"]
    return run([helm_docs, "--dry-run", "--chart-search-root", CHART.parent]).strip() + "\n"


def crds() -> dict[str, str]:
    """Return the CRDs by their files' names."""
    return {path.name: path.read_text() for path in sorted((ROOT / "crds").iterdir())}


def main() -> None:
    """Write both."""
    (CHART / "README.md").write_text(readme())
    for name, content in crds().items():
        (CHART / "files" / "crds" / name).write_text(content)


if __name__ == "__main__":
    main()
