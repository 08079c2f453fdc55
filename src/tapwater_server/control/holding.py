"""Which bundles and layers are still needed: by a revision, or by a deploy in progress."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tapwater_server.control.layers import LAYERS, LOCKS
from tapwater_server.ports.folders import Folders
from tapwater_server.ports.registry import Registry

BUNDLES = "bundles"


class Holding:
    """Sweeps away what nobody needs, and nothing a deploy is working with."""

    def __init__(self, *, registry: Registry, folders: Folders) -> None:
        self._registry = registry
        self._folders = folders
        self._used: Counter[str] = Counter()

    @contextmanager
    def during(self) -> Iterator["Held"]:
        """Hold digests while a deploy works with them."""
        held = Held(self._used)
        try:
            yield held
        finally:
            held.clear()

    async def sweep(self, kind: str) -> int:
        """Remove the folders of one kind that nobody holds."""
        return await self._folders.sweep(kind, held=self._held())

    async def sweep_all(self) -> int:
        """Remove everything nobody holds: at the start, and when an app goes. A lock is held by
        the revisions that were resolved with it.
        """
        return sum([await self.sweep(kind) for kind in (BUNDLES, LAYERS, LOCKS)])

    def _held(self) -> set[str]:
        revisions = [
            revision for app in self._registry.apps() for revision in self._registry.revisions(app)
        ]
        held = {revision.bundle for revision in revisions}
        held |= {revision.layer for revision in revisions if revision.layer}
        held |= {str(revision.settings.get("lock", "")) for revision in revisions}
        return held | {digest for digest, count in self._used.items() if count > 0}


class Held:
    """What one deploy holds."""

    def __init__(self, used: Counter[str]) -> None:
        self._used = used
        self._mine: list[str] = []

    def add(self, digest: str) -> None:
        self._used[digest] += 1
        self._mine.append(digest)

    def clear(self) -> None:
        for digest in self._mine:
            self._used[digest] -= 1
            if not self._used[digest]:
                del self._used[digest]
        self._mine.clear()
