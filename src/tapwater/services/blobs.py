"""Blobs: ``blobs.put("avatars/7.png", data)``, ``blobs.get("avatars/7.png")``, ``blobs.open``.

A path is ``bucket/key``; a bucket is there when something is put into it.
"""

import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, Any

from tapwater.services.blob_files import BlobReader, BlobWriter
from tapwater.services.blob_sending import Said, Sender, portions
from tapwater.services.blob_values import (
    PART_BYTES,
    Blob,
    Bucket,
    Form,
    read_blob,
    read_bucket,
    split_path,
)
from tapwater.services.speaking import ask_json, path_to
from tapwater.services.transport import Reply, Request, ServiceError, Transport

__all__ = ["Blob", "BlobReader", "BlobWriter", "Blobs", "Bucket", "Form"]
_PAGE = 500
_DELETE = 200  # With long keys this still fits a function's line.
_Paths = list[str]


class Blobs:
    """The blobs of an app."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def put(
        self,
        path: str,
        data: Any,
        *,
        content_type: str = "",
        metadata: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        cache_control: str = "",
        content_disposition: str = "",
        if_match: str = "",
        only_new: bool = False,
    ) -> Blob:
        """Store bytes, text, or what an open file (or a file's ``pathlib.Path``) gives.

        Nobody sees any of it before all of it is on disk. ``if_match``: only in place of the
        content with this ETag; ``only_new``: only where there is none.
        """
        if isinstance(data, os.PathLike):
            with open(data, "rb") as file:
                return self.put(
                    path,
                    file,
                    content_type=content_type or _guess(os.fspath(data)),
                    metadata=metadata,
                    tags=tags,
                    cache_control=cache_control,
                    content_disposition=content_disposition,
                    if_match=if_match,
                    only_new=only_new,
                )
        said = Said(
            content_type=content_type or _guess(path, text=isinstance(data, str)),
            metadata=metadata or {},
            tags=tags or {},
            cache_control=cache_control,
            content_disposition=content_disposition,
        )
        sender = self._sender(path, said, if_match=if_match, only_new=only_new)
        return _send(sender, portions(data, PART_BYTES))

    def get(
        self, path: str, *, version: str = "", start: int = 0, stop: int | None = None
    ) -> bytes:
        """Read all of it, or the bytes from ``start`` to before ``stop``."""
        out = bytearray()
        etag, size = "", stop
        while size is None or start + len(out) < size:
            low = start + len(out)
            high = low + PART_BYTES if size is None else min(low + PART_BYTES, size)
            reply = self._range(path, low, high, version=version, etag=etag)
            out += reply.body
            etag = reply.headers.get("etag", "")
            whole = _size_of(reply.headers, len(reply.body))
            size = whole if size is None else min(size, whole)
            if reply.status == 200:
                break  # The whole of it: it is empty.
        return bytes(out)

    def open(
        self,
        path: str,
        mode: str = "rb",
        *,
        version: str = "",
        content_type: str = "",
        metadata: Mapping[str, str] | None = None,
        encoding: str = "utf-8",
    ) -> Any:
        """Open as a file: ``rb``, ``r``, ``wb`` or ``w``. Reading fetches as it goes and can seek;
        writing sends as it goes, and the blob is there when it is closed.
        """
        if mode in ("r", "rt", "rb"):
            reader = self._reader(path, version)
            return reader if mode == "rb" else io.TextIOWrapper(reader, encoding=encoding)
        if mode not in ("w", "wt", "wb"):
            raise ValueError(f"mode {mode!r}: a blob is opened as rb, r, wb or w")
        text = mode != "wb"
        kind = content_type or _guess(path, text=text)
        said = Said(content_type=kind, metadata=metadata or {})
        return BlobWriter(self._sender(path, said), text=text)

    def stat(self, path: str, *, version: str = "") -> Blob:
        """Give what is known of it."""
        query = {"facts": "true", "version": version or None}
        return read_blob(ask_json(self._transport, "GET", self._at(path), query=query))

    def exists(self, path: str) -> bool:
        try:
            self.stat(path)
        except ServiceError as error:
            if error.status == 404:
                return False
            raise
        return True

    def list(
        self, prefix: str, *, start_after: str = "", limit: int | None = None
    ) -> Iterator[Blob]:
        """Give what lies below ``bucket`` or ``bucket/beginning-of-key``, by rising key."""
        for kind, found in self._entries(prefix, start_after=start_after, limit=limit):
            if kind == "blob":
                yield read_blob(found)

    def folders(self, prefix: str, *, delimiter: str = "/") -> tuple[_Paths, "Sequence[Blob]"]:
        """Look at one level below ``bucket/`` or ``bucket/folder/``: folders there, and blobs."""
        folders: _Paths = []
        blobs = []
        bucket = prefix.partition("/")[0]
        for kind, found in self._entries(prefix, delimiter=delimiter):
            if kind == "blob":
                blobs.append(read_blob(found))
            else:
                folders.append(f"{bucket}/{found}")
        return folders, blobs

    def versions(self, prefix: str) -> Iterator[Blob]:
        """Give all versions and deletions below a prefix, by key and then the newest first."""
        for _, found in self._entries(prefix, versions=True):
            yield read_blob(found)

    def delete(self, path: str, *, version: str = "", if_match: str = "") -> bool:
        """Delete it, or for good one version of it. False: there was nothing to delete."""
        query = {"version": version} if version else {}
        headers = {"if-match": f'"{if_match}"'} if if_match else {}
        request = Request(method="DELETE", path=self._at(path), query=query, headers=headers)
        try:
            self._transport.send(request)
        except ServiceError as error:
            if error.status == 404:
                return False
            raise
        return True

    def delete_many(self, paths: Iterable[str]) -> int:
        """Delete many; say how many were there."""
        by_bucket: dict[str, _Paths] = {}
        for path in paths:
            bucket, key = split_path(path)
            by_bucket.setdefault(bucket, []).append(key)
        count = 0
        for bucket, keys in by_bucket.items():
            for at in range(0, len(keys), _DELETE):
                asked = {"bucket": bucket, "keys": keys[at : at + _DELETE]}
                said = ask_json(self._transport, "POST", path_to("blobs", "-", "delete"), asked)
                count += len(said["deleted"])
        return count

    def copy(self, source: str, to: str, *, version: str = "") -> Blob:
        """Store the same content under another path, at once whatever its size."""
        bucket, key = split_path(source)
        to_bucket, to_key = split_path(to)
        asked = {
            "source": {"bucket": bucket, "key": key, "version": version},
            "to": {"bucket": to_bucket, "key": to_key},
        }
        return read_blob(ask_json(self._transport, "POST", path_to("blobs", "-", "copy"), asked))

    def describe(self, path: str, **changes: Any) -> Blob:
        """Say something else about it: ``content_type=``, ``metadata=``, ``tags=``, …"""
        return read_blob(ask_json(self._transport, "PATCH", self._at(path), changes))

    def sign_url(
        self,
        path: str,
        *,
        method: str = "GET",
        expires: float = 900.0,
        bytes_max: int = 0,
        content_type: str = "",
        filename: str = "",
    ) -> str:
        """Make a URL with which anyone may GET or PUT this one blob for so many seconds.

        ``bytes_max`` and ``content_type`` limit a PUT; ``filename`` makes a GET a download.
        """
        bucket, key = split_path(path)
        asked = {
            "bucket": bucket,
            "key": key,
            "method": method,
            "expires_s": expires,
            "bytes_max": bytes_max,
            "content_type": content_type,
            "disposition": _attachment(filename) if filename else "",
        }
        said = ask_json(self._transport, "POST", path_to("blobs", "-", "sign"), asked)
        return str(said["url"])

    def sign_form(
        self,
        path: str,
        *,
        expires: float = 900.0,
        bytes_max: int = 0,
        content_type: str = "",
        redirect: str = "",
    ) -> Form:
        """Let a page's form upload to this path; or below it, if it ends with a slash.

        ``redirect`` is where the browser goes afterwards.
        """
        bucket, key = split_path(path)
        place = {"prefix": key} if key.endswith("/") else {"key": key}
        limits = {"bytes_max": bytes_max, "content_type": content_type, "expires_s": expires}
        asked = {"bucket": bucket, **place, **limits, "redirect": redirect}
        said = ask_json(self._transport, "POST", path_to("blobs", "-", "form"), asked)
        return Form(url=said["url"], fields=said["fields"])

    def buckets(self) -> Sequence[Bucket]:
        said = ask_json(self._transport, "GET", "/blobs")
        return [read_bucket(one) for one in said["buckets"]]

    def bucket(self, name: str) -> Bucket:
        """Look at one, and at how much it holds."""
        path = path_to("blobs", "-", "buckets", name)
        return read_bucket(ask_json(self._transport, "GET", path))

    def put_bucket(
        self,
        name: str,
        *,
        versioning: str | None = None,
        lifecycle: Sequence[Mapping[str, Any]] | None = None,
    ) -> Bucket:
        """Make a bucket, or change its settings: ``versioning`` is off, on or suspended."""
        asked = {"versioning": versioning, "lifecycle": lifecycle}
        given = {key: value for key, value in asked.items() if value is not None}
        return read_bucket(ask_json(self._transport, "PUT", path_to("blobs", name), given))

    def drop_bucket(self, name: str) -> None:
        """Remove an empty bucket."""
        ask_json(self._transport, "DELETE", path_to("blobs", name))

    def _entries(
        self,
        prefix: str,
        *,
        delimiter: str = "",
        start_after: str = "",
        versions: bool = False,
        limit: int | None = None,
    ) -> Iterator[tuple[str, Any]]:
        bucket, _, begins = prefix.partition("/")
        query: dict[str, Any] = {
            "prefix": begins or None,
            "delimiter": delimiter or None,
            "start_after": start_after or None,
            "versions": "true" if versions else None,
        }
        path, given, size = path_to("blobs", bucket), 0, _PAGE
        while limit is None or given < limit:
            query["limit"] = size if limit is None else min(size, limit - given)
            try:
                said = ask_json(self._transport, "GET", path, query=query)
            except ServiceError as error:
                if error.code != "too_large" or size == 1:
                    raise
                size //= 2  # Much metadata: a page must fit a function's line.
                continue
            for found in said["prefixes"]:
                yield "folder", found
            for found in said["blobs"]:
                yield "blob", found
            given += len(said["blobs"]) + len(said["prefixes"])
            query["page"] = said.get("next")
            if not said.get("next"):
                return

    def _at(self, path: str) -> str:
        return path_to("blobs", *split_path(path))

    def _sender(
        self, path: str, said: Said, *, if_match: str = "", only_new: bool = False
    ) -> Sender:
        bucket, key = split_path(path)
        conditions = {"if-match": f'"{if_match}"'} if if_match else {}
        if only_new:
            conditions["if-none-match"] = "*"
        return Sender(self._transport, bucket, key, said=said, conditions=conditions)

    def _reader(self, path: str, version: str) -> IO[bytes]:
        blob = self.stat(path, version=version)

        def fetch(low: int, high: int) -> bytes:
            return self._range(path, low, high, version=version, etag=f'"{blob.etag}"').body

        return io.BufferedReader(BlobReader(blob, fetch), buffer_size=PART_BYTES)

    def _range(self, path: str, low: int, high: int, *, version: str, etag: str) -> Reply:
        """Fetch a range; once an ETag is known, only of the same content."""
        headers = {"range": f"bytes={low}-{high - 1}"}
        if etag:
            headers["if-match"] = etag
        query = {"version": version} if version else {}
        request = Request(method="GET", path=self._at(path), query=query, headers=headers)
        return self._transport.send(request)


def _send(sender: Sender, parts: Iterator[bytes]) -> Blob:
    """Send all but the last as parts; what is only one goes at once."""
    number, held = 0, next(parts)
    try:
        for part in parts:
            number += 1
            sender.send_part(number, held)
            held = part
    except BaseException:
        sender.give_up()
        raise
    return sender.finish(number, held)


def _size_of(headers: Mapping[str, str], received: int) -> int:
    """Say how large the whole is: ``bytes 0-9/100``."""
    size = headers.get("content-range", "").rpartition("/")[2]
    return int(size) if size.isdigit() else received


def _guess(path: str, *, text: bool = False) -> str:
    import mimetypes  # Not every function needs it.

    found, coding = mimetypes.guess_type(path)
    if found and not coding:
        return f"{found}; charset=utf-8" if text and found.startswith("text/") else found
    return "text/plain; charset=utf-8" if text else "application/octet-stream"


def _attachment(filename: str) -> str:
    from urllib.parse import quote

    plain = "".join(sign if sign.isalnum() or sign in "._- " else "_" for sign in filename)
    ascii_name = plain.encode("ascii", "replace").decode().replace("?", "_")
    return f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(filename, safe='')}"
