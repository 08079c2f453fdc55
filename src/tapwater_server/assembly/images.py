"""What a zygote of a deployed function is made of, and where an app's static files are."""

from pathlib import Path

from tapwater_server.control.preparing import guest_settings
from tapwater_server.model.errors import StartFailed
from tapwater_server.model.function import Function, Revision
from tapwater_server.model.ids import RevisionId
from tapwater_server.ports.folders import Folders
from tapwater_server.ports.registry import Registry
from tapwater_server.ports.sandbox import Image

BUNDLES = "bundles"
LAYERS = "layers"


class Images:
    """Looks things up in the registry and the folders."""

    def __init__(self, *, registry: Registry, folders: Folders) -> None:
        self._registry, self._folders = registry, folders

    def image_of(self, revision_id: RevisionId, function: Function) -> Image:
        """Build the image of one function.

        Raises:
            StartFailed: the revision, its code or its dependencies are gone from the disk.
        """
        revision = self._registry.revision(function.id.app, revision_id)
        if revision is None:
            raise StartFailed(f"revision {revision_id} of {function.id.app} is gone")
        return Image(
            function=str(function.id),
            code=str(self._folder(BUNDLES, revision.bundle)),
            layer=str(self._folder(LAYERS, revision.layer)) if revision.layer else "",
            python=revision.python,
            module=function.file,
            limits=function.limits,
            environment=function.environment,
            egress=function.egress,
            after_fork_import=function.after_fork_import,
            revision=revision.id,
            settings=guest_settings(revision.settings.get("settings", {}), function.limits),
            foreign=function.foreign,
        )

    def public(self, revision: Revision) -> Path | None:
        """Find the app's static files."""
        bundle = self._folders.path(BUNDLES, revision.bundle)
        folder = bundle / "public" if bundle else None
        return folder if folder and folder.is_dir() else None

    def _folder(self, kind: str, digest: str) -> Path:
        path = self._folders.path(kind, digest)
        if path is None:
            raise StartFailed(f"{kind}/{digest[:12]} is not in the data directory any more")
        return path
