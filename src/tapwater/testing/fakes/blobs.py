"""Blobs in memory: ``fake.blobs["avatars/7.png"]`` holds the versions, the newest last."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tapwater.services.transport import Reply, Request, ServiceError
from tapwater.testing.fakes.answering import Answers, body_of, conflict, invalid, not_found

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_FIELDS = (
    "content_type",
    "cache_control",
    "content_disposition",
    "content_encoding",
    "content_language",
)
_DEFAULT_TYPE = "application/octet-stream"


@dataclass
class FakeBlob:
    """One version of a blob. ``content`` of None is a deletion."""

    version: str
    content: bytes | None
    etag: str = ""
    stored_at: float = 0.0
    about: dict[str, Any] = field(default_factory=dict)


@dataclass
class _Upload:
    bucket: str
    key: str
    about: dict[str, Any]
    parts: dict[int, bytes] = field(default_factory=dict)


@dataclass
class FakeBlobs:
    """``events`` is what triggers would be told: pairs of "stored" or "deleted" and a path."""

    prefixes: tuple[str, ...] = ("/blobs",)
    now: float = 1_800_000_000.0
    blobs: dict[str, list[FakeBlob]] = field(default_factory=dict)
    buckets: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._count = count(1)
        self._uploads: dict[str, _Upload] = {}
        uploads = "/blobs/-/uploads"
        self._answers = Answers(
            ("GET", "/blobs/-/buckets/{bucket}", self._show_bucket),
            ("POST", "/blobs/-/copy", self._copy),
            ("POST", "/blobs/-/delete", self._delete_many),
            ("POST", "/blobs/-/sign", self._sign),
            ("POST", "/blobs/-/form", self._form),
            ("POST", uploads, self._begin),
            ("PUT", f"{uploads}/{{upload}}/{{number}}", self._part),
            ("POST", f"{uploads}/{{upload}}", self._complete),
            ("DELETE", f"{uploads}/{{upload}}", self._abort),
            ("GET", "/blobs", self._list_buckets),
            ("GET", "/blobs/{bucket}", self._list),
            ("PUT", "/blobs/{bucket}", self._put_bucket),
            ("DELETE", "/blobs/{bucket}", self._drop_bucket),
            ("GET", "/blobs/{bucket}/{key}", self._get),
            ("PUT", "/blobs/{bucket}/{key}", self._put),
            ("PATCH", "/blobs/{bucket}/{key}", self._describe),
            ("DELETE", "/blobs/{bucket}/{key}", self._delete),
        )

    def send(self, request: Request) -> Reply:
        return self._answers.send(request)

    def _put(self, request: Request, bucket: str, key: str) -> Any:
        about: dict[str, Any] = {
            name: request.headers.get(name.replace("_", "-"), "") for name in _FIELDS
        }
        for name in ("metadata", "tags"):
            about[name] = json.loads(request.headers.get(f"tapwater-{name}", "{}"))
        etag = hashlib.md5(request.body, usedforsecurity=False).hexdigest()
        return self._store(
            bucket, key, request.body, etag=etag, about=about, conditions=request.headers
        )

    def _get(self, request: Request, bucket: str, key: str) -> Any:
        blob = self._find(bucket, key, request.query.get("version", ""))
        if request.query.get("facts") == "true":
            return self._say(bucket, key, blob)
        _check(request.headers, blob)
        content = blob.content or b""
        headers = {"etag": f'"{blob.etag}"', "content-type": blob.about["content_type"]}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        if asked is None or not content:
            return Reply(status=200, headers=headers, body=content)
        low = int(asked[1])
        if low >= len(content):
            raise ServiceError("outside of the blob", code="range", status=416)
        part = content[low : int(asked[2] or len(content)) + 1]
        stretch = f"bytes {low}-{low + len(part) - 1}/{len(content)}"
        return Reply(status=206, headers={**headers, "content-range": stretch}, body=part)

    def _describe(self, request: Request, bucket: str, key: str) -> Any:
        blob = self._find(bucket, key, request.query.get("version", ""))
        blob.about |= body_of(request)
        return self._say(bucket, key, blob)

    def _delete(self, request: Request, bucket: str, key: str) -> Any:
        version = request.query.get("version", "")
        blob = self._find(bucket, key, version)
        _check(request.headers, blob)
        self._remove(bucket, key, version)

    def _delete_many(self, request: Request) -> Any:
        asked = body_of(request)
        deleted = []
        for key in asked.get("keys", []):
            if self._shown(f"{asked['bucket']}/{key}") is not None:
                self._remove(asked["bucket"], key, "")
                deleted.append({"key": key})
        return {"deleted": deleted}

    def _copy(self, request: Request) -> Any:
        asked = body_of(request)
        source, to = asked["source"], asked["to"]
        blob = self._find(source["bucket"], source["key"], source.get("version", ""))
        about = {"metadata": {}, "tags": {}, **(asked.get("about") or blob.about)}
        content = blob.content or b""
        return self._store(
            to["bucket"],
            to["key"],
            content,
            etag=blob.etag,
            about=about,
            conditions=request.headers,
        )

    def _begin(self, request: Request) -> Any:
        asked = body_of(request)
        id = f"upload-{next(self._count)}"
        self._uploads[id] = _Upload(asked["bucket"], asked["key"], asked.get("about", {}))
        return {"upload": id}

    def _part(self, request: Request, upload: str, number: str) -> Any:
        self._begun(upload).parts[int(number)] = request.body
        return {"number": int(number), "etag": _md5(request.body), "size": len(request.body)}

    def _complete(self, request: Request, upload: str) -> Any:
        begun = self._begun(upload)
        named = [(part["number"], part["etag"]) for part in body_of(request).get("parts", [])]
        named = named or [(number, _md5(part)) for number, part in sorted(begun.parts.items())]
        for number, etag in named:
            if number not in begun.parts or _md5(begun.parts[number]) != etag:
                raise conflict("a part is not there, or is not the one that is named")
        content = b"".join(begun.parts[number] for number, _ in named)
        joined = _md5(b"".join(bytes.fromhex(etag) for _, etag in named))
        about = {"metadata": {}, "tags": {}, **begun.about}
        etag = f"{joined}-{len(named)}"
        said = self._store(
            begun.bucket, begun.key, content, etag=etag, about=about, conditions=request.headers
        )
        del self._uploads[upload]
        return said

    def _abort(self, request: Request, upload: str) -> Any:
        self._begun(upload)
        del self._uploads[upload]

    def _sign(self, request: Request) -> Any:
        asked = body_of(request)
        expires = int(self.now + asked.get("expires_s", 900))
        url = f"http://fake/_/v1/blobs/{asked['bucket']}/{asked['key']}?expires={expires}"
        return {"url": f"{url}&signature=fake", "method": asked["method"], "expires": expires}

    def _form(self, request: Request) -> Any:
        asked = body_of(request)
        fields = {"key": asked.get("key") or asked["prefix"] + "${filename}"}
        signed = {"policy": "fake", "signature": "fake"}
        return {"url": f"http://fake/_/v1/blobs/{asked['bucket']}", "fields": fields | signed}

    def _list_buckets(self, request: Request) -> Any:
        return {"buckets": [bucket for _, bucket in sorted(self.buckets.items())]}

    def _show_bucket(self, request: Request, bucket: str) -> Any:
        if bucket not in self.buckets:
            raise not_found(f"there is no bucket {bucket}")
        stacks = [stack for path, stack in self.blobs.items() if path.startswith(f"{bucket}/")]
        held = [blob for stack in stacks for blob in stack]
        size = sum(len(blob.content or b"") for blob in held)
        return {**self.buckets[bucket], "versions": len(held), "bytes": size}

    def _put_bucket(self, request: Request, bucket: str) -> Any:
        asked = body_of(request)
        there = self._bucket(bucket)
        if asked.get("versioning") == "off" and there["versioning"] != "off":
            raise conflict("a bucket that has kept versions can only suspend that")
        there |= asked
        return there

    def _drop_bucket(self, request: Request, bucket: str) -> Any:
        if bucket not in self.buckets:
            raise not_found(f"there is no bucket {bucket}")
        if any(path.startswith(f"{bucket}/") and stack for path, stack in self.blobs.items()):
            raise conflict(f"the bucket {bucket} still holds blobs")
        del self.buckets[bucket]

    def _list(self, request: Request, bucket: str) -> Any:
        query = request.query
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        blobs: list[Any] = []
        folders: dict[str, None] = {}
        for path in sorted(self.blobs):
            of, _, key = path.partition("/")
            if of != bucket or not key.startswith(prefix) or key <= query.get("start_after", ""):
                continue
            cut = key.find(delimiter, len(prefix)) if delimiter else -1
            if query.get("versions") == "true":
                blobs += [self._say(bucket, key, blob) for blob in reversed(self.blobs[path])]
            elif self._shown(path) is not None and cut >= 0:
                folders[key[: cut + len(delimiter)]] = None
            elif self._shown(path) is not None:
                blobs.append(self._say(bucket, key, self.blobs[path][-1]))
        page, limit = int(query.get("page", "0")), int(query.get("limit", "100"))
        said = {"blobs": blobs[page : page + limit], "prefixes": [] if page else list(folders)}
        return {**said, "next": str(page + limit)} if len(blobs) > page + limit else said

    def _store(
        self,
        bucket: str,
        key: str,
        content: bytes,
        *,
        etag: str,
        about: Mapping[str, Any],
        conditions: Mapping[str, str],
    ) -> Any:
        path = f"{bucket}/{key}"
        _check(conditions, self._shown(path))
        kept = self._bucket(bucket)["versioning"] == "on"
        version = f"v{next(self._count):06d}" if kept else "null"
        stack = [one for one in self.blobs.get(path, []) if kept or one.version != "null"]
        said = {**about, "content_type": about.get("content_type") or _DEFAULT_TYPE}
        blob = FakeBlob(version, content, etag, self.now, said)
        self.blobs[path] = [*stack, blob]
        self.events.append(("stored", path))
        return self._say(bucket, key, blob)

    def _remove(self, bucket: str, key: str, version: str) -> None:
        path = f"{bucket}/{key}"
        before = self._shown(path)
        stack = self.blobs[path]
        if version or self._bucket(bucket)["versioning"] == "off":
            self.blobs[path] = [one for one in stack if one.version != (version or "null")]
        else:
            stack.append(FakeBlob(f"v{next(self._count):06d}", None, stored_at=self.now))
        if not self.blobs[path]:
            del self.blobs[path]
        after = self._shown(path)
        if after is not before:
            self.events.append(("deleted" if after is None else "stored", path))

    def _find(self, bucket: str, key: str, version: str = "") -> FakeBlob:
        path = f"{bucket}/{key}"
        blob = self._shown(path)
        if version:
            named = [one for one in self.blobs.get(path, []) if one.version == version]
            blob = named[0] if named and named[0].content is not None else None
        if blob is None:
            raise not_found(f"there is no blob {path}")
        return blob

    def _shown(self, path: str) -> FakeBlob | None:
        stack = self.blobs.get(path, [])
        return stack[-1] if stack and stack[-1].content is not None else None

    def _bucket(self, name: str) -> dict[str, Any]:
        if not _BUCKET.fullmatch(name):
            raise invalid(f"{name!r} is not a bucket's name")
        new = {"name": name, "created_at": self.now, "versioning": "off", "lifecycle": []}
        return self.buckets.setdefault(name, new)

    def _begun(self, upload: str) -> _Upload:
        if upload not in self._uploads:
            raise not_found("there is no such upload")
        return self._uploads[upload]

    def _say(self, bucket: str, key: str, blob: FakeBlob) -> Any:
        said: dict[str, Any] = {"bucket": bucket, "key": key, "version": blob.version}
        said |= {"stored_at": blob.stored_at, "current": blob is self.blobs[f"{bucket}/{key}"][-1]}
        if blob.content is None:
            return {**said, "deleted": True}
        return {**said, "size": len(blob.content), "etag": blob.etag, **blob.about}


def _check(headers: Mapping[str, str], blob: FakeBlob | None) -> None:
    etag = f'"{blob.etag}"' if blob else ""
    match, none_match = headers.get("if-match", ""), headers.get("if-none-match", "")
    if (match and match not in ("*", etag)) or (match == "*" and blob is None):
        raise ServiceError("the condition does not hold", code="precondition_failed", status=412)
    if none_match and blob is not None and none_match in ("*", etag):
        raise ServiceError("there is one already", code="precondition_failed", status=412)


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
