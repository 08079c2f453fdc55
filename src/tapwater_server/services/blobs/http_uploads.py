"""The API of uploads in parts: /blobs/-/uploads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tapwater_server.model.blob import BLOB_BYTES_MAX, PARTS_MAX, Blob, Draft, Part, Upload
from tapwater_server.model.errors import Invalid
from tapwater_server.ports.blobs import Naming
from tapwater_server.services.blobs.headers import condition_of, expected_of
from tapwater_server.services.blobs.http import cause_of, count_stored, stored, unless_changed
from tapwater_server.services.blobs.permits import Permits, declared_size
from tapwater_server.services.blobs.service import Blobs, Terms
from tapwater_server.services.blobs.shapes import (
    CompleteAsked,
    UploadAsked,
    say_part,
    say_upload,
)
from tapwater_server.services.blobs.uploads import Uploads
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Answer, Endpoint, Who

_PATH = "/blobs/-/uploads"
_ONE = f"{_PATH}/{{upload}}"
_LISTED_MAX = 1_000
_BYTES = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class _Judged:
    """An upload as it was when it was judged, and what it would replace."""

    upload: Upload
    parts: Sequence[Part]
    old: Blob | None


class UploadsApi:
    """Translates; the service decides. Rules judge each step by what the whole would be."""

    def __init__(self, *, blobs: Blobs, uploads: Uploads, permits: Permits) -> None:
        self._blobs, self._uploads, self._permits = blobs, uploads, permits

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="POST",
                path=_PATH,
                says="Begin an upload in parts.",
                handler=self._begin,
                who=Who.ANYONE,
                takes=UploadAsked,
                status=201,
            ),
            Endpoint(
                method="GET",
                path=_PATH,
                says="List the uploads of a bucket that are under way.",
                handler=self._list,
                query={"bucket": "which", "prefix": "of keys", "after": "an upload's id"},
            ),
            Endpoint(
                method="GET",
                path=_ONE,
                says="List the parts that have come.",
                handler=self._parts,
                who=Who.ANYONE,
            ),
            Endpoint(
                method="PUT",
                path=f"{_ONE}/{{number}}",
                says=f"Send part 1 to {PARTS_MAX}, in any order; sent again it is replaced.",
                handler=self._part,
                who=Who.ANYONE,
                takes_media=_BYTES,
                body_bytes_max=BLOB_BYTES_MAX,
            ),
            Endpoint(
                method="POST",
                path=_ONE,
                says="Make one blob of the parts that are named, or of all.",
                handler=self._complete,
                who=Who.ANYONE,
                takes=CompleteAsked,
                status=201,
            ),
            Endpoint(
                method="DELETE",
                path=_ONE,
                says="Give an upload up; its parts are removed.",
                handler=self._abort,
                who=Who.ANYONE,
            ),
        )

    async def _begin(self, asked: Asked) -> Answer:
        given = await asked.body(UploadAsked)
        about = given.about.about()
        draft = Draft(bucket=given.bucket, key=given.key, size=0, etag="", about=about)
        await self._judge(asked, draft)
        naming = Naming(bucket=given.bucket, key=given.key)
        upload = await self._uploads.begin(asked.app, naming, about=about)
        asked.count("blob_writes")
        return Answer(say_upload(upload), 201)

    async def _list(self, asked: Asked) -> dict[str, Any]:
        found = await self._uploads.list(
            asked.app,
            asked.query.get("bucket", ""),
            prefix=asked.query.get("prefix", ""),
            after=asked.query.get("after", ""),
            count_max=_LISTED_MAX,
        )
        return {"uploads": [say_upload(upload) for upload in found]}

    async def _parts(self, asked: Asked) -> dict[str, Any]:
        judged = await self._allowed(asked)
        return {**say_upload(judged.upload), "parts": [say_part(part) for part in judged.parts]}

    async def _part(self, asked: Asked) -> Answer:
        number = asked.params["number"]
        if not number.isascii() or not number.isdigit() or len(number) > 6:
            raise Invalid("a part has a number")
        bytes_max = BLOB_BYTES_MAX
        if self._permits.binds(asked):
            bytes_max = declared_size(asked)
            await self._allowed(asked, more_bytes=bytes_max, but=int(number))
        else:
            await self._uploads.find(asked.app, asked.params["upload"])
        part = await self._uploads.put_part(
            asked.app,
            asked.params["upload"],
            int(number),
            asked.chunks(),
            terms=Terms(expected=expected_of(asked.headers), bytes_max=bytes_max),
        )
        count_stored(asked, part.size)
        return Answer(say_part(part), 200, {"etag": f'"{part.etag}"'})

    async def _complete(self, asked: Asked) -> Answer:
        given = await asked.body(CompleteAsked)
        judged = await self._allowed(asked)
        condition = condition_of(asked.headers)
        parts = [(part.number, part.etag.strip('"')) for part in given.parts]
        if self._permits.binds(asked):
            # What was judged, and nothing that came since.
            condition = unless_changed(condition, judged.old)
            parts = parts or [(part.number, part.etag) for part in judged.parts]
        blob = await self._uploads.complete(
            asked.app, judged.upload.id, parts, condition=condition, cause=cause_of(asked)
        )
        asked.count("blob_writes")
        return stored(blob)

    async def _abort(self, asked: Asked) -> None:
        judged = await self._allowed(asked)
        await self._uploads.abort(asked.app, judged.upload.id)

    async def _allowed(self, asked: Asked, *, more_bytes: int = 0, but: int = 0) -> _Judged:
        """Find the upload, and let pass who may store what it amounts to by now."""
        upload = await self._uploads.find(asked.app, asked.params["upload"])
        parts = await self._uploads.parts(asked.app, upload.id)
        size = sum(part.size for part in parts if part.number != but) + more_bytes
        draft = Draft(bucket=upload.bucket, key=upload.key, size=size, etag="", about=upload.about)
        return _Judged(upload, parts, await self._judge(asked, draft))

    async def _judge(self, asked: Asked, draft: Draft) -> Blob | None:
        """Let pass who may store this; give what is there now."""
        if not self._permits.binds(asked):
            return None
        held = await self._blobs.find(asked.app, Naming(bucket=draft.bucket, key=draft.key))
        old = held.blob if held else None
        self._permits.write(asked, draft, old)
        return old
