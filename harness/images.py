"""Build the project's images and bring them to a node, with no registry in between.

Everything lies in one folder of the cache, named after the base's key: buildah's storage, an OCI layout through which
images leave it, and containerd's seed. A new key makes a new folder and removes the old ones, whose gigabytes nobody
would miss (instances share bytes by hard link, so a running one keeps its own).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness import base_image, cache, containerd, processes
from harness.commands import run
from harness.oci import Layout
from harness.state import Instance

Progress = Callable[[str], None]

PAUSE = "localhost/evonas-pause:test"
SMALL_BASE = "localhost/evonas-python:test"
FULL_BASE = "localhost/evonas-python-with-dependencies:test"

_BASES = {base_image.PAUSE: PAUSE, base_image.SMALL: SMALL_BASE, base_image.FULL: FULL_BASE}
_REPOSITORY = Path(__file__).parents[1]
_LEFT_OUT = {"__pycache__", "node_modules"}
"""Folders that `.dockerignore` keeps from a build wherever they are."""


@dataclass(frozen=True)
class Recipe:
    """One image of the project: which Dockerfile makes it, and from which base in tests."""

    name: str
    dockerfile: str
    base: str
    target: str = ""


RECIPES = (
    Recipe("evonas-operator:0.1.0", "Dockerfile", base_image.FULL),
    Recipe("evonas-trial:0.1.0", "trial_image/Dockerfile", base_image.FULL, "full"),
    Recipe("evonas-trial-small:0.1.0", "trial_image/Dockerfile", base_image.SMALL, "small"),
)


@dataclass(frozen=True)
class Store:
    """The folder of one base key."""

    folder: Path

    @property
    def layout(self) -> Layout:
        return Layout(self.folder / "layout")

    @property
    def reference(self) -> str:
        """The layout as buildah takes it: by a path without a dot, which it would read as a registry's host."""
        link = Path(f"/run/evonas-layout-{self.folder.name}")
        link.unlink(missing_ok=True)
        link.symlink_to(self.layout.folder)
        return f"oci:{link}"

    @property
    def seed(self) -> Path:
        return self.folder / "seed"

    def buildah(self, *args: object) -> str:
        """Run buildah on this folder's storage; in a mount namespace, because it would leave its storage mounted."""
        where = ["--root", self.folder / "buildah", "--runroot", f"/run/evonas-buildah-{self.folder.name}"]
        return run(["unshare", "--mount", "buildah", *where, "--storage-driver", "overlay", *args])


def prepare(progress: Progress = print) -> Store:
    """The store with its bases and its seed, made where need be."""
    store = _store()
    with cache.locked("images"):
        if not store.seed.exists():
            _remove_others(store)
            base_image.write(store.layout, progress)
            progress("unpacking the base images for containerd")
            containerd.make_seed(store.seed, store.layout, _BASES)
    return store


def build(progress: Progress = print) -> None:
    """Build the project's images from the checkout's Dockerfiles, unless the last build was of the very same files."""
    store = prepare(progress)
    with cache.locked("images"):
        stamps = {recipe: _stamp(store, recipe) for recipe in RECIPES}
        due = [recipe for recipe, stamp in stamps.items() if not stamp.exists()]
        for recipe in due:
            progress(f"building {recipe.name}")
            _build(store, recipe)
            for former in store.folder.glob(f"{recipe.name}.*.built"):
                former.unlink()
            stamps[recipe].touch()
        # What these replaced has no name any more, and a cut-off build leaves its container: a cache that lives for
        # months would fill with both. Nobody else builds here while the lock is held.
        if due:
            store.buildah("rm", "--all")
            store.buildah("rmi", "--prune")


def load(instance: Instance, progress: Progress = print) -> None:
    """Bring built images to the instance's node, where pods find them under their plain names."""
    store = _store()
    progress(f"importing {', '.join(recipe.name for recipe in RECIPES)}")
    # The name that Kubernetes makes of one without a registry.
    names = {recipe.name: f"docker.io/library/{recipe.name}" for recipe in RECIPES}
    with cache.locked("images"):
        containerd.load(store.layout, names, [*processes.entering(instance), *containerd.client(containerd.STATE)])


def _store() -> Store:
    return Store(cache.root() / "images" / base_image.key())


def _build(store: Store, recipe: Recipe) -> None:
    base = store.buildah("pull", "--quiet", f"{store.reference}:{recipe.base}").strip()
    arguments = ["--isolation", "chroot", "--network", "host", "--build-arg", f"BASE={base}"]
    target = ["--target", recipe.target] if recipe.target else []
    dockerfile = _REPOSITORY / recipe.dockerfile
    store.buildah("bud", *arguments, *target, "--tag", recipe.name, "--file", dockerfile, _REPOSITORY)
    store.buildah("push", "--disable-compression", recipe.name, f"{store.reference}:{recipe.name}")


def _stamp(store: Store, recipe: Recipe) -> Path:
    """The file that says that the layout holds this image of the present files."""
    return store.folder / f"{recipe.name}.{cache.key(_context(recipe))}.built"


def _context(recipe: Recipe) -> Iterator[str | bytes]:
    """What the image is made of: its recipe, and every file that a build may see."""
    yield repr(recipe)
    yield (_REPOSITORY / recipe.dockerfile).read_bytes()
    allowed = (line[1:] for line in (_REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!"))
    for root in sorted(allowed):
        place = _REPOSITORY / root
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            if path.is_file() and not _LEFT_OUT.intersection(path.parts):
                yield str(path.relative_to(_REPOSITORY))
                yield path.read_bytes()


def _remove_others(store: Store) -> None:
    store.folder.parent.mkdir(exist_ok=True)
    for other in store.folder.parent.iterdir():
        shutil.rmtree(other)
    store.folder.mkdir()
