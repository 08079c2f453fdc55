"""Objects through boto3: stored, read, copied, listed, deleted."""

import hashlib
import io
from base64 import b64encode
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.functional.aws.s3.conftest import code_of


def test_what_is_put_comes_back(s3: Any, bucket: str) -> None:
    made = s3.put_object(
        Bucket=bucket,
        Key="a/ü b+c.txt",
        Body=b"hello",
        ContentType="text/plain",
        CacheControl="no-cache",
        Metadata={"colour": "red"},
        StorageClass="STANDARD_IA",
        Tagging="team=images&x=",
    )
    got = s3.get_object(Bucket=bucket, Key="a/ü b+c.txt")
    assert got["Body"].read() == b"hello"
    assert made["ETag"] == got["ETag"] == f'"{hashlib.md5(b"hello").hexdigest()}"'
    assert (got["ContentType"], got["CacheControl"]) == ("text/plain", "no-cache")
    assert (got["Metadata"], got["StorageClass"]) == ({"colour": "red"}, "STANDARD_IA")
    assert (got["TagCount"], got["ContentLength"]) == (2, 5)
    assert "VersionId" not in got
    head = s3.head_object(Bucket=bucket, Key="a/ü b+c.txt")
    assert head["ContentLength"] == 5
    listed = s3.list_objects_v2(Bucket=bucket, FetchOwner=True)["Contents"]
    assert [(one["Key"], one["Size"]) for one in listed] == [("a/ü b+c.txt", 5)]


def test_what_is_not_there(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=bucket, Key="nothing")
    assert code_of(caught) == ("NoSuchKey", 404)
    with pytest.raises(ClientError) as caught:
        s3.head_object(Bucket=bucket, Key="nothing")
    assert code_of(caught) == ("404", 404)
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket="no-such-bucket-here", Key="nothing")
    assert code_of(caught) == ("NoSuchBucket", 404)


@pytest.mark.parametrize(
    ("asked", "got", "range"),
    [
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
    ],
)
def test_ranges(s3: Any, bucket: str, asked: str, got: bytes, range: str) -> None:
    s3.put_object(Bucket=bucket, Key="digits", Body=b"0123456789")
    found = s3.get_object(Bucket=bucket, Key="digits", Range=asked)
    assert (found["Body"].read(), found["ContentRange"]) == (got, range)
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=bucket, Key="digits", Range="bytes=10-")
    assert code_of(caught) == ("InvalidRange", 416)


def test_conditions(s3: Any, bucket: str) -> None:
    tag = s3.put_object(Bucket=bucket, Key="a", Body=b"1", IfNoneMatch="*")["ETag"]
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key="a", Body=b"2", IfNoneMatch="*")
    assert code_of(caught) == ("PreconditionFailed", 412)
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key="other", Body=b"2", IfMatch=tag)
    assert code_of(caught) == ("NoSuchKey", 404)
    s3.put_object(Bucket=bucket, Key="a", Body=b"2", IfMatch=tag)
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=bucket, Key="a", IfMatch=tag)
    assert code_of(caught) == ("PreconditionFailed", 412)
    now = s3.head_object(Bucket=bucket, Key="a")["ETag"]
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=bucket, Key="a", IfNoneMatch=now)
    assert code_of(caught)[1] == 304


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksums_are_checked_and_kept(s3: Any, bucket: str, algorithm: str) -> None:
    right = {
        "CRC32": "NhCmhg==",
        "CRC32C": "mnG7TA==",
        "CRC64NVME": "M3eFcAZSQlc=",
        "SHA1": b64encode(hashlib.sha1(b"hello").digest()).decode(),
        "SHA256": b64encode(hashlib.sha256(b"hello").digest()).decode(),
    }[algorithm]
    said: dict[str, str] = {f"Checksum{algorithm}": right}
    s3.put_object(Bucket=bucket, Key="a", Body=b"hello", **said)
    found = s3.head_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED")
    assert (found[f"Checksum{algorithm}"], found["ChecksumType"]) == (right, "FULL_OBJECT")
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key="a", Body=b"other", **said)
    assert code_of(caught) == ("BadDigest", 400)


def test_copies(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a b", Body=b"1", Metadata={"x": "y"}, Tagging="t=1")
    source = {"Bucket": bucket, "Key": "a b"}
    s3.copy_object(Bucket=bucket, Key="same", CopySource=source)
    s3.copy_object(
        Bucket=bucket,
        Key="other",
        CopySource=source,
        Metadata={"n": "ew"},
        MetadataDirective="REPLACE",
        TaggingDirective="REPLACE",
        Tagging="t=2",
    )
    assert s3.head_object(Bucket=bucket, Key="same")["Metadata"] == {"x": "y"}
    assert s3.head_object(Bucket=bucket, Key="other")["Metadata"] == {"n": "ew"}
    tags = s3.get_object_tagging(Bucket=bucket, Key="other")["TagSet"]
    assert tags == [{"Key": "t", "Value": "2"}]
    with pytest.raises(ClientError) as caught:
        s3.copy_object(Bucket=bucket, Key="a b", CopySource=source)
    assert code_of(caught) == ("InvalidRequest", 400)


def test_listing_by_pages_and_folders(s3: Any, bucket: str) -> None:
    for key in ("a/1", "a/2", "b", "c/1", "d"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 2}
    )
    keys, folders = [], []
    for page in pages:
        keys += [one["Key"] for one in page.get("Contents", ())]
        folders += [one["Prefix"] for one in page.get("CommonPrefixes", ())]
    assert (keys, folders) == (["b", "d"], ["a/", "c/"])
    found = s3.list_objects(Bucket=bucket, Marker="b", MaxKeys=1)
    assert ([one["Key"] for one in found["Contents"]], found["IsTruncated"]) == (["c/1"], True)
    assert s3.list_objects_v2(Bucket=bucket, MaxKeys=0)["KeyCount"] == 0


def test_many_are_deleted_at_once(s3: Any, bucket: str) -> None:
    for key in ("a", "b"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    wanted = {"Objects": [{"Key": key} for key in ("a", "b", "never")]}
    done = s3.delete_objects(Bucket=bucket, Delete=wanted)
    assert [one["Key"] for one in done["Deleted"]] == ["a", "b", "never"]
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_versions(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"0")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="a", Body=b"1")["VersionId"]
    gone = s3.delete_object(Bucket=bucket, Key="a")
    assert gone["DeleteMarker"] is True
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=bucket, Key="a")
    assert code_of(caught) == ("NoSuchKey", 404)
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=bucket, Key="a", VersionId=gone["VersionId"])
    assert code_of(caught) == ("MethodNotAllowed", 405)
    read = [
        s3.get_object(Bucket=bucket, Key="a", VersionId=version)["Body"].read()
        for version in ("null", first)
    ]
    assert read == [b"0", b"1"]
    listed = s3.list_object_versions(Bucket=bucket)
    assert [one["VersionId"] for one in listed["Versions"]] == [first, "null"]
    assert [one["IsLatest"] for one in listed["DeleteMarkers"]] == [True]
    s3.delete_object(Bucket=bucket, Key="a", VersionId=gone["VersionId"])
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"1"


def test_a_large_object_goes_through_in_pieces(s3: Any, bucket: str) -> None:
    content = bytes(range(256)) * (64 << 10)  # 16 MB: more than anybody holds in memory for it.
    s3.upload_fileobj(io.BytesIO(content), bucket, "large")
    out = io.BytesIO()
    s3.download_fileobj(bucket, "large", out)
    assert out.getvalue() == content
    head = s3.head_object(Bucket=bucket, Key="large", PartNumber=2)
    assert (head["PartsCount"], head["ContentLength"]) == (2, 8 << 20)
