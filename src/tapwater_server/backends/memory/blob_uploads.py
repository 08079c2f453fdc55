"""Uploads in parts, in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tapwater_server.model.blob import Draft, Part, Piece, Upload
from tapwater_server.model.errors import Conflict, Overloaded
from tapwater_server.model.ids import AppId
from tapwater_server.ports.blobs import UPLOADS_MAX, Completion


@dataclass(slots=True)
class _Begun:
    """An upload and the parts that have come."""

    upload: Upload
    parts: dict[int, Part] = field(default_factory=dict)


_Freed = list[Piece]


class MemoryUploads:
    """What has been begun and neither completed nor aborted."""

    def __init__(self) -> None:
        self._begun: dict[tuple[AppId, str], _Begun] = {}

    def begin(self, app: AppId, upload: Upload) -> None:
        if len([1 for of, _ in self._begun if of == app]) >= UPLOADS_MAX:
            raise Overloaded(
                f"an app has {UPLOADS_MAX} unfinished uploads at most", retry_after_s=60
            )
        self._begun[(app, upload.id)] = _Begun(upload)

    def find(self, app: AppId, id: str) -> Upload | None:
        begun = self._begun.get((app, id))
        return begun.upload if begun else None

    def list(self, app: AppId, bucket: str) -> Sequence[Upload]:
        found = [begun.upload for (of, _), begun in self._begun.items() if of == app]
        return sorted((one for one in found if one.bucket == bucket), key=lambda one: one.id)

    def begun_before(self, before: float) -> Sequence[tuple[AppId, Upload]]:
        found = [(app, begun.upload) for (app, _), begun in self._begun.items()]
        return [pair for pair in found if pair[1].begun_at < before]

    def any_in(self, app: AppId, bucket: str) -> bool:
        return bool(self.list(app, bucket))

    def put(self, app: AppId, upload: str, part: Part) -> _Freed | None:
        """Keep a part; give what it replaced, None if the upload is over."""
        begun = self._begun.get((app, upload))
        if begun is None:
            return None
        before = begun.parts.get(part.number)
        begun.parts[part.number] = part
        return [before.piece] if before else []

    def parts(self, app: AppId, upload: str) -> Sequence[Part]:
        begun = self._begun.get((app, upload))
        return [part for _, part in sorted(begun.parts.items())] if begun else []

    def draft(self, app: AppId, completion: Completion) -> Draft | None:
        begun = self._begun.get((app, completion.upload))
        if begun is None:
            return None
        chosen = []
        for number, etag in completion.parts:
            part = begun.parts.get(number)
            if part is None or part.etag != etag:
                raise Conflict(f"part {number} is not there, or not the one that is named")
            chosen.append(part)
        return Draft(
            bucket=begun.upload.bucket,
            key=begun.upload.key,
            size=sum(part.size for part in chosen),
            etag=completion.etag,
            pieces=tuple(part.piece for part in chosen),
            about=begun.upload.about if completion.about is None else completion.about,
            checksums=completion.checksums,
        )

    def end(self, app: AppId, upload: str) -> _Freed | None:
        begun = self._begun.pop((app, upload), None)
        return [part.piece for part in begun.parts.values()] if begun else None

    def erase(self, app: AppId) -> _Freed:
        freed = []
        for key in [key for key in self._begun if key[0] == app]:
            freed += [part.piece for part in self._begun.pop(key).parts.values()]
        return freed

    def pieces(self) -> _Freed:
        return [part.piece for begun in self._begun.values() for part in begun.parts.values()]
