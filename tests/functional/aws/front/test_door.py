"""What comes through the door: odd paths, large and broken bodies, other hosts, other tenants."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.functional.aws.conftest import client_of
from tests.functional.running import Platform

Client = Callable[..., Any]
KEYS = ["a b+c/ü?&=#%2F~*'()!", "//slashes//", "x" * 900, "😀/ü", "/", "@:,;$"]


@pytest.fixture(scope="module")
def bucket(client: Client) -> str:
    client("s3").create_bucket(Bucket="door")
    return "door"


@pytest.mark.parametrize("key", KEYS)
def test_objects_of_any_name(client: Client, bucket: str, key: str) -> None:
    s3 = client("s3")
    s3.put_object(Bucket=bucket, Key=key, Body=b"of " + key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"of " + key.encode()
    assert s3.head_object(Bucket=bucket, Key=key)["ContentLength"] == 3 + len(key.encode())
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=key)["Contents"]
    assert [each["Key"] for each in listed] == [key]
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})
    assert httpx.get(url).content == b"of " + key.encode()
    s3.delete_object(Bucket=bucket, Key=key)


def test_what_is_stored_is_sent_as_it_is(client: Client, bucket: str) -> None:
    body = b"compressible " * 1000
    client("s3").put_object(Bucket=bucket, Key="text", Body=body, ContentType="text/plain")
    url = client("s3").generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": "text"}
    )
    answer = httpx.get(url, headers={"accept-encoding": "gzip"})
    assert answer.headers["content-length"] == str(len(body))
    assert "content-encoding" not in answer.headers
    assert not answer.headers["etag"].startswith("W/")


def test_large_bodies_go_through_in_pieces(client: Client, bucket: str, tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(bytes(range(256)) * (20 << 12))  # 20 MiB: in parts, signed chunk by chunk
    s3 = client("s3")
    s3.upload_file(str(file), bucket, "large")
    s3.download_file(bucket, "large", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == file.read_bytes()


def test_a_bucket_in_the_hosts_name(client: Client, aws: Platform, bucket: str) -> None:
    s3 = client("s3")
    s3.put_object(Bucket=bucket, Key="named", Body=b"x")
    config = Config(s3={"addressing_style": "virtual"})
    named = client("s3", endpoint_url=f"http://s3.localhost:{aws.port}", config=config)
    url = urlsplit(
        named.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "named"})
    )
    assert url.netloc == f"{bucket}.s3.localhost:{aws.port}"
    target, host = f"{aws.url}{url.path}", {"host": url.netloc}
    assert aws.http.get(f"{target}?{url.query}", headers=host).content == b"x"
    answer = aws.http.get(target, headers=host)
    assert answer.status_code == 403  # Nobody signed.
    assert "<Code>AccessDenied</Code>" in answer.text


def test_unsigned_requests_are_for_apps_first(client: Client, aws: Platform, bucket: str) -> None:
    nowhere = aws.get("/nowhere")
    assert nowhere.headers["content-type"] == "application/problem+json"
    assert aws.get("/").headers["location"] == "/_/"
    known = aws.get(f"/{bucket}/key")
    assert (known.status_code, "<Code>AccessDenied</Code>" in known.text) == (403, True)
    listed = aws.get("/2015-03-31/functions/")
    assert listed.json()["message"] == "Request is missing Authentication Token"


def test_an_app_on_the_servers_own_host(own_aws: Platform) -> None:
    files = {"restful/photos/[id].py": "def get(id: str):\n    return {'app': id}\n"}
    own_aws.deploy(files, "shop")
    s3 = client_of(own_aws)("s3")
    s3.create_bucket(Bucket="photos")
    s3.put_object(Bucket="photos", Key="cat", Body=b"of the bucket")
    assert own_aws.get("/photos/cat").json() == {"app": "cat"}
    assert s3.get_object(Bucket="photos", Key="cat")["Body"].read() == b"of the bucket"
    assert own_aws.get("/elsewhere").headers["content-type"] == "application/problem+json"
    apps = [app["name"] for app in own_aws.api("GET", "/apps").json()["apps"]]
    assert sorted(apps) == ["aws", "shop"]  # The home was made when it was first used.
    blobs = own_aws.api("GET", "/apps/aws/blobs/photos").json()
    assert "cat" in str(blobs)


def test_one_account_sees_nothing_of_another(aws: Platform, client: Client, bucket: str) -> None:
    made = aws.api("POST", "/apps/tenant/aws-keys", json={}).json()
    other = {
        "aws_access_key_id": made["access_key"],
        "aws_secret_access_key": made["secret_key"],
    }
    theirs = client("s3", **other)
    assert theirs.list_buckets()["Buckets"] == []
    with pytest.raises(ClientError, match="NoSuchBucket"):
        theirs.list_objects_v2(Bucket=bucket)
    theirs.create_bucket(Bucket=bucket)
    theirs.put_object(Bucket=bucket, Key="mine", Body=b"1")
    with pytest.raises(ClientError, match="NoSuchKey"):
        client("s3").get_object(Bucket=bucket, Key="mine")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"Content-Length: 100\r\n\r\nonly this", b""),  # The rest never comes.
        (b"X-Amz-Meta-A: %b\r\n\r\n" % (b"a" * 70_000), b"431"),
        (b"".join(b"X-Amz-Meta-%d: 1\r\n" % n for n in range(200)) + b"\r\n", b"431"),
        (b"Content-Length: 0\r\n\r\n", b"400"),
        (b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
    ],
)
def test_broken_requests_harm_nobody(aws: Platform, head: bytes, status: bytes) -> None:
    place = urlsplit(aws.url)
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=10) as line:
        line.sendall(
            b"PUT /door/x HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Authorization: AWS4-HMAC-SHA256 Credential=,SignedHeaders=\r\n" + head
        )
        if status:
            assert line.recv(4096).split(b" ")[1] == status
    assert aws.get("/nowhere").status_code == 404


def test_dev_mode_takes_any_key(tmp_path: Path) -> None:
    with Platform(tmp_path / "data", settings={"TAPWATER_DEV": "true"}) as dev:
        any_key = {"aws_access_key_id": "anything", "aws_secret_access_key": "at all"}
        who = client_of(dev)("sts", **any_key).get_caller_identity()
        assert who["Account"] == "000000000000"
        client_of(dev)("s3", **any_key).create_bucket(Bucket="here")
        answer = dev.http.get(
            f"{dev.url}/here?X-Amz-Signature=1", headers={"origin": "https://evil.example"}
        )
        assert answer.status_code in (400, 403)
