"""What the client of blobs does, against the fake and against a real platform."""

import hashlib
import io
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tapwater.services.blob_values import PART_BYTES
from tapwater.services.blobs import Blobs
from tapwater.services.transport import ServiceError, Transport
from tapwater.testing.fakes.blobs import FakeBlobs
from tests.conformance.client_transport import shop_over_http

_NUMBERS = count(1)
_LARGE = bytes(range(256)) * (2 * PART_BYTES // 256) + b"end"


@pytest.fixture(params=["fake", pytest.param("platform", marks=pytest.mark.slow)], scope="module")
def transport(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Transport]:
    if request.param == "fake":
        yield FakeBlobs()
        return
    with shop_over_http(tmp_path_factory.mktemp("blobs")) as over_http:
        yield over_http


@pytest.fixture
def blobs(transport: Transport) -> Blobs:
    return Blobs(transport)


@pytest.fixture
def bucket() -> str:
    return f"bucket-{next(_NUMBERS)}"


@pytest.mark.parametrize("data", [b"", b"\x00\xff", _LARGE, _LARGE[:PART_BYTES]])
def test_bytes_come_back_as_they_were(blobs: Blobs, bucket: str, data: bytes) -> None:
    stored = blobs.put(f"{bucket}/a/ü b.bin", data)
    assert (stored.bucket, stored.key, stored.size) == (bucket, "a/ü b.bin", len(data))
    assert blobs.get(stored.path) == data
    assert blobs.stat(stored.path) == stored
    if len(data) <= PART_BYTES:
        assert stored.etag == hashlib.md5(data, usedforsecurity=False).hexdigest()


def test_what_is_said_of_it_is_kept(blobs: Blobs, bucket: str) -> None:
    path = f"{bucket}/7.png"
    stored = blobs.put(path, b"x", metadata={"owner": "Ada ü"}, tags={"kind": "avatar"})
    assert stored.content_type == "image/png"
    found = blobs.stat(path)
    assert (found.metadata, found.tags) == ({"owner": "Ada ü"}, {"kind": "avatar"})
    blobs.describe(path, metadata={"owner": "Grace"})
    found = blobs.stat(path)
    assert (found.metadata, found.tags) == ({"owner": "Grace"}, {"kind": "avatar"})
    assert blobs.get(path) == b"x"


def test_text_files_and_paths_are_taken(blobs: Blobs, bucket: str, tmp_path: Path) -> None:
    stored = blobs.put(f"{bucket}/a", "grüße")
    assert stored.content_type == "text/plain; charset=utf-8"
    assert blobs.get(f"{bucket}/a").decode() == "grüße"
    file = tmp_path / "page.html"
    file.write_bytes(_LARGE)
    assert blobs.put(f"{bucket}/b", file).content_type == "text/html"
    assert blobs.get(f"{bucket}/b") == _LARGE
    blobs.put(f"{bucket}/c", io.BytesIO(_LARGE))
    assert blobs.get(f"{bucket}/c") == _LARGE


def test_a_stretch_can_be_read(blobs: Blobs, bucket: str) -> None:
    path = f"{bucket}/a"
    blobs.put(path, _LARGE)
    assert blobs.get(path, start=5, stop=10) == _LARGE[5:10]
    assert blobs.get(path, start=PART_BYTES - 1) == _LARGE[PART_BYTES - 1 :]
    with pytest.raises(ServiceError) as refused:
        blobs.get(path, start=len(_LARGE))
    assert (refused.value.code, refused.value.status) == ("range", 416)


def test_it_opens_as_a_file(blobs: Blobs, bucket: str) -> None:
    path = f"{bucket}/a"
    with blobs.open(path, "wb", metadata={"a": "b"}) as out:
        for at in range(0, len(_LARGE), 100_000):
            out.write(_LARGE[at : at + 100_000])
        assert not blobs.exists(path)
    assert out.blob == blobs.stat(path)
    with blobs.open(path) as file:
        assert file.read(10) == _LARGE[:10]
        file.seek(-3, io.SEEK_END)
        assert file.read() == b"end"
        file.seek(0)
        assert file.read() == _LARGE
    with blobs.open(f"{bucket}/lines", "w") as lines:
        lines.write("eins\nzwei ü\n")
    with blobs.open(f"{bucket}/lines", "r") as lines:
        assert list(lines) == ["eins\n", "zwei ü\n"]


def test_a_writer_that_fails_leaves_nothing(blobs: Blobs, bucket: str) -> None:
    def fail() -> None:
        with blobs.open(f"{bucket}/a", "wb") as out:
            out.write(_LARGE)
            raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        fail()
    assert not blobs.exists(f"{bucket}/a")


def test_listings_are_by_key(blobs: Blobs, bucket: str) -> None:
    for key in ("b/2", "a", "b/1", "c/d/e"):
        blobs.put(f"{bucket}/{key}", b"x")
    assert [blob.key for blob in blobs.list(bucket)] == ["a", "b/1", "b/2", "c/d/e"]
    assert [blob.key for blob in blobs.list(f"{bucket}/b/")] == ["b/1", "b/2"]
    assert [blob.key for blob in blobs.list(bucket, start_after="b/1", limit=1)] == ["b/2"]
    folders, found = blobs.folders(bucket)
    assert (folders, [blob.key for blob in found]) == ([f"{bucket}/b/", f"{bucket}/c/"], ["a"])
    assert blobs.folders(f"{bucket}/c/")[0] == [f"{bucket}/c/d/"]


def test_conditions_guard(blobs: Blobs, bucket: str) -> None:
    path = f"{bucket}/a"
    one = blobs.put(path, b"one", only_new=True)
    with pytest.raises(ServiceError) as refused:
        blobs.put(path, b"two", only_new=True)
    assert (refused.value.code, refused.value.status) == ("precondition_failed", 412)
    blobs.put(path, b"two", if_match=one.etag)
    for data in (b"three", _LARGE):
        with pytest.raises(ServiceError, match=r".") as refused:
            blobs.put(path, data, if_match=one.etag)
        assert refused.value.status == 412
    with pytest.raises(ServiceError):
        blobs.delete(path, if_match=one.etag)
    assert blobs.get(path) == b"two"


def test_deleting_says_whether_there_was_one(blobs: Blobs, bucket: str) -> None:
    blobs.put(f"{bucket}/a", b"x")
    assert blobs.delete(f"{bucket}/a")
    assert not blobs.delete(f"{bucket}/a")
    with pytest.raises(ServiceError) as refused:
        blobs.get(f"{bucket}/a")
    assert refused.value.code == "not_found"
    for n in range(3):
        blobs.put(f"{bucket}/{n}", b"x")
    assert blobs.delete_many(f"{bucket}/{n}" for n in range(5)) == 3


def test_versions_are_kept_where_it_is_asked(blobs: Blobs, bucket: str) -> None:
    assert blobs.put_bucket(bucket, versioning="on").versioning == "on"
    path = f"{bucket}/a"
    one, two = blobs.put(path, b"one"), blobs.put(path, b"two")
    blobs.delete(path)
    assert not blobs.exists(path)
    assert blobs.get(path, version=one.version) == b"one"
    found = list(blobs.versions(path))
    assert [blob.deleted for blob in found] == [True, False, False]
    assert [blob.version for blob in found[1:]] == [two.version, one.version]
    assert blobs.delete(path, version=two.version)
    blobs.copy(path, f"{bucket}/b", version=one.version)
    assert blobs.get(f"{bucket}/b") == b"one"
    with pytest.raises(ServiceError) as refused:
        blobs.put_bucket(bucket, versioning="off")
    assert refused.value.code == "conflict"


def test_a_copy_is_the_same(blobs: Blobs, bucket: str) -> None:
    source = blobs.put(f"{bucket}/a", _LARGE, metadata={"a": "b"})
    copied = blobs.copy(f"{bucket}/a", f"{bucket}-2/b")
    assert (copied.etag, copied.metadata) == (source.etag, {"a": "b"})
    blobs.delete(f"{bucket}/a")
    assert blobs.get(f"{bucket}-2/b") == _LARGE
    with pytest.raises(ServiceError):
        blobs.copy(f"{bucket}/a", f"{bucket}/c")


def test_buckets_are_made_shown_and_dropped(blobs: Blobs, bucket: str) -> None:
    rule = {"prefix": "tmp/", "expire_days": 1.5}
    made = blobs.put_bucket(bucket, lifecycle=[rule])
    assert rule.items() <= made.lifecycle[0].items()
    blobs.put(f"{bucket}/a", b"123")
    shown = blobs.bucket(bucket)
    assert (shown.versions, shown.bytes) == (1, 3)
    assert bucket in [one.name for one in blobs.buckets()]
    with pytest.raises(ServiceError) as refused:
        blobs.drop_bucket(bucket)
    assert refused.value.code == "conflict"
    blobs.delete(f"{bucket}/a")
    blobs.drop_bucket(bucket)
    with pytest.raises(ServiceError) as refused:
        blobs.bucket(bucket)
    assert refused.value.code == "not_found"


def test_a_url_is_signed(blobs: Blobs, bucket: str) -> None:
    url = blobs.sign_url(f"{bucket}/a", method="PUT", bytes_max=10)
    assert "signature=" in url
    form = blobs.sign_form(f"{bucket}/incoming/")
    assert {"policy", "signature", "key"} <= form.fields.keys()


@pytest.mark.parametrize("path", ["no-key", "/key", "bucket/", ""])
def test_a_path_has_a_bucket_and_a_key(blobs: Blobs, path: str) -> None:
    with pytest.raises(ValueError, match="bucket/key"):
        blobs.get(path)


def test_names_are_checked(blobs: Blobs) -> None:
    with pytest.raises(ServiceError) as refused:
        blobs.put("No_Bucket/a", b"x")
    assert refused.value.code == "invalid"
