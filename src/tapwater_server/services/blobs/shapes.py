"""The JSON bodies of the API, in and out."""

from dataclasses import replace
from typing import Annotated, Any

import msgspec

from tapwater_server.model.blob import (
    DEFAULT_TYPE,
    About,
    Blob,
    Bucket,
    LifecycleRule,
    Page,
    Part,
    Upload,
    Versioning,
)
from tapwater_server.model.blob_names import KEY_BYTES_MAX

Days = Annotated[float, msgspec.Meta(ge=0, le=36_500)]


class LifecycleShape(msgspec.Struct, forbid_unknown_fields=True):
    """What a bucket lets go by itself."""

    prefix: Annotated[str, msgspec.Meta(max_length=KEY_BYTES_MAX)] = ""
    expire_days: Days = 0.0
    drop_old_days: Days = 0.0
    keep_old_max: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 0
    abort_upload_days: Days = 0.0


class BucketAsked(msgspec.Struct, forbid_unknown_fields=True):
    versioning: Versioning | None = None
    lifecycle: list[LifecycleShape] | None = None


class AboutAsked(msgspec.Struct, forbid_unknown_fields=True):
    content_type: str = DEFAULT_TYPE
    cache_control: str = ""
    content_disposition: str = ""
    content_encoding: str = ""
    content_language: str = ""
    metadata: dict[str, str] = {}
    tags: dict[str, str] = {}

    def about(self) -> About:
        return About(**msgspec.structs.asdict(self))


class Changes(msgspec.Struct, forbid_unknown_fields=True):
    """What is not named stays as it is."""

    content_type: str | None = None
    cache_control: str | None = None
    content_disposition: str | None = None
    content_encoding: str | None = None
    content_language: str | None = None
    metadata: dict[str, str] | None = None
    tags: dict[str, str] | None = None


class Place(msgspec.Struct, forbid_unknown_fields=True):
    bucket: str
    key: str
    version: str = ""


class CopyAsked(msgspec.Struct, forbid_unknown_fields=True):
    source: Place
    to: Place
    about: AboutAsked | None = None


class DeleteAsked(msgspec.Struct, forbid_unknown_fields=True):
    bucket: str
    keys: list[str] = []
    versions: list[Place] = []


class UploadAsked(msgspec.Struct, forbid_unknown_fields=True):
    bucket: str
    key: str
    about: AboutAsked = msgspec.field(default_factory=AboutAsked)


class PartNamed(msgspec.Struct, forbid_unknown_fields=True):
    number: int
    etag: str


class CompleteAsked(msgspec.Struct, forbid_unknown_fields=True):
    parts: list[PartNamed] = []


class SignAsked(msgspec.Struct, forbid_unknown_fields=True):
    bucket: str
    key: str
    method: str = "GET"
    expires_s: float = 900.0
    bytes_max: int = 0
    content_type: str = ""
    version: str = ""
    disposition: str = ""


class FormAsked(msgspec.Struct, forbid_unknown_fields=True):
    bucket: str
    key: str = ""
    prefix: str = ""
    expires_s: float = 900.0
    bytes_max: int = 0
    content_type: str = ""
    redirect: str = ""


def say_blob(blob: Blob) -> dict[str, Any]:
    said: dict[str, Any] = {
        "bucket": blob.bucket,
        "key": blob.key,
        "version": blob.version,
        "stored_at": blob.stored_at,
        "current": blob.current,
    }
    if blob.marker:
        return {**said, "deleted": True}
    about = {name: value for name, value in msgspec.to_builtins(blob.about).items() if value}
    said |= {"size": blob.size, "etag": blob.etag, "metadata": {}, "tags": {}, **about}
    if blob.checksums:
        said["checksums"] = dict(blob.checksums)
    return said


def say_page(page: Page) -> dict[str, Any]:
    said: dict[str, Any] = {
        "blobs": [say_blob(blob) for blob in page.blobs],
        "prefixes": list(page.prefixes),
    }
    if page.next:
        said["next"] = page.next
    return said


def say_bucket(bucket: Bucket) -> dict[str, Any]:
    return {
        "name": bucket.name,
        "created_at": bucket.created_at,
        "versioning": bucket.versioning.value,
        "lifecycle": [
            {name: getattr(rule, name) for name in LifecycleShape.__struct_fields__}
            for rule in bucket.lifecycle
        ],
    }


def say_upload(upload: Upload) -> dict[str, Any]:
    return {
        "upload": upload.id,
        "bucket": upload.bucket,
        "key": upload.key,
        "begun_at": upload.begun_at,
    }


def say_part(part: Part) -> dict[str, Any]:
    return {"number": part.number, "size": part.size, "etag": part.etag}


def rules_of(shapes: list[LifecycleShape]) -> tuple[LifecycleRule, ...]:
    return tuple(LifecycleRule(**msgspec.structs.asdict(shape)) for shape in shapes)


def changed(about: About, changes: Changes) -> About:
    """Give what is said of a blob, with some of it changed."""
    given = msgspec.structs.asdict(changes)
    return replace(about, **{name: value for name, value in given.items() if value is not None})
