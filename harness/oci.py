"""Images as folders: just enough of the OCI image layout to write one and to hand a part of one to containerd.

Layers are never compressed. They travel from disk to disk on one machine, where compressing gigabytes of libraries
would be most of the time; and an uncompressed layer has one digest everywhere, so each tool sees which layers it has
already.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

_INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_NAME = "org.opencontainers.image.ref.name"

Descriptor = dict[str, Any]


@dataclass(frozen=True)
class Layout:
    """A folder in the OCI image layout: blobs by digest, and an index of named images."""

    folder: Path

    def add_layer(self, write: Callable[[Path], object]) -> Descriptor:
        """Store the tar file that ``write`` makes at the path it is given."""
        unfinished = self.folder / "layer.tar"
        self.folder.mkdir(parents=True, exist_ok=True)
        write(unfinished)
        with unfinished.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return self._store(unfinished, digest, _LAYER)

    def add_image(self, name: str, layers: Sequence[Descriptor], config: Mapping[str, Any]) -> None:
        """Name an image made of these layers, from the lowest up."""
        rootfs = {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]}
        body = {"architecture": "amd64", "os": "linux", "rootfs": rootfs, "config": dict(config)}
        configuration = self._add_json(body, _CONFIG)
        manifest = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": configuration, "layers": list(layers)}
        descriptor = {**self._add_json(manifest, _MANIFEST), "annotations": {_NAME: name}}
        others = [item for item in self._images() if item["annotations"][_NAME] != name]
        index = {"schemaVersion": 2, "manifests": [*others, descriptor]}
        (self.folder / "index.json").write_text(json.dumps(index))
        (self.folder / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))

    def layers(self, name: str) -> list[Descriptor]:
        layers: list[Descriptor] = self._manifest(self.image(name))["layers"]
        return layers

    def image(self, name: str) -> Descriptor:
        return next(item for item in self._images() if item["annotations"][_NAME] == name)

    def blob(self, digest: str) -> Path:
        return self.folder / "blobs" / digest.replace(":", "/")

    def write_archive(self, out: IO[bytes], names: Mapping[str, str], present: Collection[str]) -> None:
        """Write these images as one archive, each under its full name, without the blobs that are ``present`` already.

        containerd takes such a thin archive as long as it really has what is left out.
        """
        manifests = [
            {**self.image(name), "annotations": {"io.containerd.image.name": full}} for name, full in names.items()
        ]
        with tarfile.open(fileobj=out, mode="w|") as archive:
            _add_text(archive, "oci-layout", {"imageLayoutVersion": "1.0.0"})
            _add_text(archive, "index.json", {"schemaVersion": 2, "mediaType": _INDEX, "manifests": manifests})
            for digest in sorted(set(self._blobs_of(manifests)) - set(present)):
                archive.add(self.blob(digest), f"blobs/{digest.replace(':', '/')}")

    def _blobs_of(self, manifests: Sequence[Descriptor]) -> Iterator[str]:
        for descriptor in manifests:
            manifest = self._manifest(descriptor)
            yield from (item["digest"] for item in (descriptor, manifest["config"], *manifest["layers"]))

    def _images(self) -> list[Descriptor]:
        """The named images; buildah leaves one without a name behind when it pushes a name again."""
        index = self.folder / "index.json"
        found: list[Descriptor] = json.loads(index.read_text())["manifests"] if index.exists() else []
        return [item for item in found if _NAME in item.get("annotations", {})]

    def _manifest(self, descriptor: Descriptor) -> dict[str, Any]:
        manifest: dict[str, Any] = json.loads(self.blob(descriptor["digest"]).read_text())
        return manifest

    def _add_json(self, body: Mapping[str, Any], kind: str) -> Descriptor:
        raw = json.dumps(body).encode()
        unfinished = self.folder / "blob.json"
        unfinished.write_bytes(raw)
        return self._store(unfinished, hashlib.sha256(raw).hexdigest(), kind)

    def _store(self, file: Path, digest: str, kind: str) -> Descriptor:
        target = self.blob(f"sha256:{digest}")
        target.parent.mkdir(parents=True, exist_ok=True)
        file.rename(target)
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": target.stat().st_size}


@dataclass
class Tree:
    """Files and the places they get in a layer; owned by root, whoever built it."""

    entries: dict[str, Path] = field(default_factory=dict)

    def write(self, target: Path) -> None:
        with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as archive:
            for place, source in sorted(self.entries.items()):
                archive.add(source, place, recursive=False, filter=_owned_by_root)


def _owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member


def _add_text(archive: tarfile.TarFile, name: str, body: Mapping[str, Any]) -> None:
    raw = json.dumps(body).encode()
    member = tarfile.TarInfo(name)
    member.size = len(raw)
    archive.addfile(member, io.BytesIO(raw))
