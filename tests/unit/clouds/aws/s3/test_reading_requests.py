"""What requests mean: operations, addresses, ranges, conditions, checksums, tags."""

import hashlib
from base64 import b64encode
from xml.etree.ElementTree import fromstring

import pytest

from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.s3.addressing import place_of
from tapwater_server.clouds.aws.s3.conditions import check_expected, condition_of
from tapwater_server.clouds.aws.s3.markup import MarkupError, document, kept, read, tag
from tapwater_server.clouds.aws.s3.operations import operation_of
from tapwater_server.clouds.aws.s3.ranges import source_stretch, stretch
from tapwater_server.clouds.aws.s3.sums import check_body, in_headers, judge_of, wanted
from tapwater_server.clouds.aws.s3.tags import check_tags, read_tags
from tapwater_server.model.blob import Blob, Draft


@pytest.mark.parametrize(
    ("method", "path", "query", "name", "action"),
    [
        ("GET", "/", {}, "ListBuckets", "s3:ListAllMyBuckets"),
        ("GET", "/b", {}, "ListObjects", "s3:ListBucket"),
        ("GET", "/b", {"list-type": "2"}, "ListObjectsV2", "s3:ListBucket"),
        ("GET", "/b", {"uploads": ""}, "ListMultipartUploads", "s3:ListBucketMultipartUploads"),
        ("PUT", "/b/k", {"uploadId": "1", "partNumber": "2"}, "UploadPart", "s3:PutObject"),
        ("GET", "/b/k", {"acl": "", "versionId": "1"}, "GetObjectAcl", "s3:GetObjectVersionAcl"),
        ("HEAD", "/b/k", {"versionId": "1"}, "HeadObject", "s3:GetObjectVersion"),
        ("GET", "/b", {"metrics": ""}, "ListBucketMetricsConfigurations", ""),
        ("POST", "/b", {"delete": ""}, "DeleteObjects", "s3:DeleteObject"),
    ],
)
def test_operations(method: str, path: str, query: dict[str, str], name: str, action: str) -> None:
    found = operation_of(method, *place_of(path), query, {})
    assert found.name == name
    assert action in ("", found.action)


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [("PATCH", "/b/k", {}), ("POST", "/b/k", {}), ("DELETE", "/b", {"location": ""})],
)
def test_no_operations(method: str, path: str, query: dict[str, str]) -> None:
    with pytest.raises(AwsError) as caught:
        operation_of(method, *place_of(path), query, {})
    assert (caught.value.code, caught.value.status) == ("MethodNotAllowed", 405)


def test_keys_are_what_was_escaped() -> None:
    assert place_of("/b/a%2Fb/%C3%BC%20+") == ("b", "a/b/ü +")
    assert place_of("/k//x", "named") == ("named", "k//x")
    with pytest.raises(AwsError, match="InvalidURI"):
        place_of("/b/%ff")


def test_ranges_outside() -> None:
    assert stretch("bytes=5-2", 10) is None
    assert stretch("lines=1-2", 10) is None
    assert stretch("bytes=-50", 10) == (0, 10)
    for said in ("bytes=10-", "bytes=-0"):
        with pytest.raises(AwsError, match="InvalidRange"):
            stretch(said, 10)
    assert source_stretch("bytes=0-9", 10) == (0, 10)
    with pytest.raises(AwsError, match="InvalidRange"):
        source_stretch("bytes=0-10", 10)
    with pytest.raises(AwsError, match="InvalidArgument"):
        source_stretch("bytes=1-", 10)


def test_conditions_without_quotes() -> None:
    found = condition_of({"if-match": 'abc, "d"', "if-none-match": "*"})
    assert (found.match, found.none_match) == (("abc", "d"), ("*",))
    assert condition_of({"if-modified-since": "never"}).modified_since is None
    blob = Blob(bucket="b", key="k", version="null", size=3, etag="e", stored_at=10.7)
    assert check_expected(blob, etag='"e"', modified="", size="3").match == ("e",)
    for said in ({"etag": "x"}, {"size": "4"}, {"modified": "1970-01-01T00:00:11Z"}):
        with pytest.raises(AwsError, match="PreconditionFailed"):
            check_expected(blob, **{"etag": "", "modified": "", "size": "", **said})


def test_checksums() -> None:
    right = b64encode(hashlib.sha256(b"x").digest()).decode()
    headers = {"x-amz-checksum-sha256": right}
    assert wanted(headers) == "sha256"
    assert wanted({"x-amz-trailer": "x-amz-checksum-crc32c"}) == "crc32c"
    sums = {"sha256": hashlib.sha256(b"x").hexdigest()}
    draft = Draft(bucket="", key="", size=1, etag="e", checksums=sums)
    judge_of(headers, dict, "sha256", 1)(draft)
    judge_of({}, lambda: headers, "sha256", None)(draft)
    with pytest.raises(AwsError, match="BadDigest"):
        judge_of({"content-md5": b64encode(bytes(16)).decode()}, dict, "", None)(draft)
    with pytest.raises(AwsError, match="InvalidDigest"):
        judge_of({"content-md5": "short"}, dict, "", None)
    with pytest.raises(AwsError, match="single"):
        wanted({**headers, "x-amz-checksum-crc32": "AAAAAA=="})
    with pytest.raises(AwsError, match="BadDigest"):
        check_body(headers, dict, b"y", sums=True)
    shown = in_headers({"crc32": "00000000-3", "md5": "x"})
    assert shown == [("x-amz-checksum-crc32", "AAAAAA==-3"), ("x-amz-checksum-type", "COMPOSITE")]


def test_tags() -> None:
    root = read(b"<Tagging><TagSet><Tag><Key>a</Key><Value/></Tag></TagSet></Tagging>")
    assert read_tags(root, most=10) == {"a": ""}
    for pairs in ([("a", ""), ("a", "")], [("aws:x", "")], [("a" * 129, "")], [("a", "b" * 257)]):
        with pytest.raises(AwsError, match="InvalidTag"):
            check_tags(pairs, most=10)


def test_an_encoding_hides_no_document_type() -> None:
    text = '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'
    with pytest.raises(MarkupError):
        read(text.encode("utf-16"))
    assert read("\ufeff<a>é</a>".encode()).text == "é"


def test_markup_refers_to_nothing() -> None:
    with pytest.raises(MarkupError):
        read(b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
    with pytest.raises(MarkupError):
        read(b"<a><b></a>")
    assert (
        kept(read(b'<a xmlns="http://x"> <b t="1">1 &lt; 2</b>\n</a>')) == "<a><b>1 &lt; 2</b></a>"
    )
    written = document("R", tag("K", 'a"<\r'), namespace=False)
    assert fromstring(written).findtext("K") == 'a"<\r'
