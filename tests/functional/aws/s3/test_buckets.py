"""Buckets through boto3: who may come in, what they let go, and what browsers may do there."""

import json
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.functional.aws.s3.conftest import code_of
from tests.functional.running import Platform


def test_buckets_come_and_go(s3: Any, bucket: str) -> None:
    assert bucket in [one["Name"] for one in s3.list_buckets()["Buckets"]]
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    s3.put_object(Bucket=bucket, Key="a", Body=b"")
    with pytest.raises(ClientError) as caught:
        s3.delete_bucket(Bucket=bucket)
    assert code_of(caught) == ("BucketNotEmpty", 409)
    s3.delete_object(Bucket=bucket, Key="a")
    s3.create_multipart_upload(Bucket=bucket, Key="b")  # Does not keep it.
    s3.delete_bucket(Bucket=bucket)
    with pytest.raises(ClientError) as caught:
        s3.head_bucket(Bucket=bucket)
    assert code_of(caught) == ("404", 404)


def test_buckets_are_those_of_the_app(aws: Platform, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a.txt", Body=b"hello", ContentType="text/plain")
    headers = {"authorization": f"Bearer {aws.token}"}
    found = aws.visit("aws", f"/_/v1/blobs/{bucket}/a.txt", headers=headers)
    assert (found.status_code, found.text) == (200, "hello")


def test_the_public_sees_what_it_may(aws: Platform, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="closed", Body=b"1")
    s3.put_object(Bucket=bucket, Key="open", Body=b"2", ACL="public-read")
    seen = [httpx.get(f"{aws.url}/{bucket}/{key}") for key in ("closed", "open", "nothing")]
    assert [one.status_code for one in seen] == [403, 200, 403]
    assert "<Code>AccessDenied</Code>" in seen[0].text
    policy = {
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": "*",
                "Action": "s3:GetObject",
                "Resource": f"arn:aws:s3:::{bucket}/closed",
            }
        ]
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    assert httpx.get(f"{aws.url}/{bucket}/closed").text == "1"
    status = s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]
    assert status == {"IsPublic": True}
    block = {"RestrictPublicBuckets": True, "IgnorePublicAcls": True}
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)
    seen = [httpx.get(f"{aws.url}/{bucket}/{key}") for key in ("closed", "open")]
    assert [one.status_code for one in seen] == [403, 403]


def test_signed_addresses_and_forms(aws: Platform, s3: Any, bucket: str) -> None:
    put = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "a"})
    assert httpx.put(put, content=b"signed").status_code == 200
    get = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a"})
    assert httpx.get(get).text == "signed"
    form = s3.generate_presigned_post(
        bucket, "up/${filename}", Conditions=[["content-length-range", 1, 10]]
    )
    sent = httpx.post(form["url"], data=form["fields"], files={"file": ("x.txt", b"hello")})
    assert sent.status_code == 204, sent.text
    assert s3.get_object(Bucket=bucket, Key="up/x.txt")["Body"].read() == b"hello"
    sent = httpx.post(form["url"], data=form["fields"], files={"file": ("x.txt", b"h" * 11)})
    assert (sent.status_code, "<Code>EntityTooLarge</Code>" in sent.text) == (400, True)


def test_other_origins(aws: Platform, s3: Any, bucket: str) -> None:
    rule = {"AllowedMethods": ["PUT"], "AllowedOrigins": ["https://*.shop.example"]}
    s3.put_bucket_cors(
        Bucket=bucket, CORSConfiguration={"CORSRules": [{**rule, "AllowedHeaders": ["*"]}]}
    )
    asked = {
        "origin": "https://www.shop.example",
        "access-control-request-method": "PUT",
        "access-control-request-headers": "content-type",
    }
    may = httpx.options(f"{aws.url}/{bucket}/a", headers=asked)
    assert may.headers["access-control-allow-origin"] == "https://www.shop.example"
    may = httpx.options(
        f"{aws.url}/{bucket}/a", headers={**asked, "origin": "https://evil.example"}
    )
    assert may.status_code == 403


def test_lifecycles_are_ours(s3: Any, bucket: str) -> None:
    rule = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "logs/"}}
    wanted = {"Rules": [{**rule, "Expiration": {"Days": 3}}]}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=wanted)
    found = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert found == wanted["Rules"]
    moved = {**rule, "Transitions": [{"Days": 1, "StorageClass": "GLACIER"}]}
    with pytest.raises(ClientError) as caught:
        s3.put_bucket_lifecycle_configuration(
            Bucket=bucket, LifecycleConfiguration={"Rules": [moved]}
        )
    assert code_of(caught) == ("NotImplemented", 501)


def test_what_is_configured_is_shown(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as caught:
        s3.get_bucket_website(Bucket=bucket)
    assert code_of(caught) == ("NoSuchWebsiteConfiguration", 404)
    site = {"IndexDocument": {"Suffix": "index.html"}}
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=site)
    assert s3.get_bucket_website(Bucket=bucket)["IndexDocument"] == site["IndexDocument"]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "a", "Value": "b"}]
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"


def test_locked_versions_stay(s3: Any) -> None:
    s3.create_bucket(Bucket="of-locks", ObjectLockEnabledForBucket=True)
    made = s3.put_object(Bucket="of-locks", Key="a", Body=b"1", ObjectLockLegalHoldStatus="ON")
    with pytest.raises(ClientError) as caught:
        s3.delete_object(Bucket="of-locks", Key="a", VersionId=made["VersionId"])
    assert code_of(caught) == ("AccessDenied", 403)
    s3.put_object_legal_hold(Bucket="of-locks", Key="a", LegalHold={"Status": "OFF"})
    s3.delete_object(Bucket="of-locks", Key="a", VersionId=made["VersionId"])


def test_names_in_front_of_the_host(aws: Platform, client: Any, bucket: str) -> None:
    url = f"{aws.url}/a"
    host = {"host": f"{bucket}.s3.localhost:{aws.port}"}
    assert httpx.get(url, headers=host).status_code == 403
    s3 = client("s3")
    s3.put_object(Bucket=bucket, Key="a", Body=b"1", ACL="public-read")
    assert httpx.get(url, headers=host).text == "1"


def test_what_cannot_be_done_is_refused(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key="a", Body=b"", ServerSideEncryption="aws:kms")
    assert code_of(caught) == ("NotImplemented", 501)
