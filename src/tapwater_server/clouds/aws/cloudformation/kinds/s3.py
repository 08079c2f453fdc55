"""AWS::S3::Bucket and BucketPolicy."""

import json
import re
from collections.abc import Mapping
from typing import Any

from tapwater_server.clouds.aws.cloudformation.kind import (
    Doing,
    Kind,
    Made,
    Properties,
    tag_list,
)
from tapwater_server.clouds.aws.cloudformation.troubles import Failed


def _notifications(value: Properties) -> dict[str, Any]:
    """Write a bucket's notifications as S3 has them."""
    shapes = (
        ("LambdaConfigurations", "Function", "LambdaFunctionConfigurations", "LambdaFunctionArn"),
        ("QueueConfigurations", "Queue", "QueueConfigurations", "QueueArn"),
        ("TopicConfigurations", "Topic", "TopicConfigurations", "TopicArn"),
    )
    found: dict[str, Any] = {}
    for said, target, name, arn in shapes:
        configurations = [_notification(one, target, arn) for one in value.get(said) or []]
        if configurations:
            found[name] = configurations
    if "EventBridgeConfiguration" in value:
        found["EventBridgeConfiguration"] = {}
    return found


def _notification(one: Mapping[str, Any], target: str, arn: str) -> dict[str, Any]:
    event = one["Event"]
    found = {arn: one[target], "Events": [event] if isinstance(event, str) else event}
    rules = ((one.get("Filter") or {}).get("S3Key") or {}).get("Rules")
    if rules:
        found["Filter"] = {"Key": {"FilterRules": rules}}
    return found


def _cors(value: Properties) -> list[dict[str, Any]]:
    names = {"MaxAge": "MaxAgeSeconds", "Id": "ID", "ExposedHeaders": "ExposeHeaders"}
    return [
        {names.get(name, name): part for name, part in rule.items()}
        for rule in value.get("CorsRules") or []
    ]


def _lifecycle(value: Properties) -> list[dict[str, Any]]:
    """Write life cycle rules as S3 has them.

    >>> _lifecycle({"Rules": [{"Status": "Enabled", "ExpirationInDays": 3}]})
    [{'Status': 'Enabled', 'Filter': {'Prefix': ''}, 'Expiration': {'Days': 3}}]

    Raises:
        Failed: a rule has what cannot be written.
    """
    found = []
    for rule in value.get("Rules") or []:
        kept = dict(rule)
        one: dict[str, Any] = {"Status": kept.pop("Status")}
        if "Id" in kept:
            one["ID"] = kept.pop("Id")
        one["Filter"] = {"Prefix": kept.pop("Prefix", "")}
        if "ExpirationInDays" in kept:
            one["Expiration"] = {"Days": kept.pop("ExpirationInDays")}
        if "AbortIncompleteMultipartUpload" in kept:
            one["AbortIncompleteMultipartUpload"] = kept.pop("AbortIncompleteMultipartUpload")
        if "NoncurrentVersionExpiration" in kept:
            one["NoncurrentVersionExpiration"] = kept.pop("NoncurrentVersionExpiration")
        if kept:
            raise Failed(f"LifecycleConfiguration: {', '.join(sorted(kept))} is not supported")
        found.append(one)
    return found


# Property -> how it is set, how it is taken away, and what is sent.
_PARTS: Mapping[str, tuple[str, str, Any]] = {
    "VersioningConfiguration": (
        "PutBucketVersioning",
        "",
        lambda value: {"VersioningConfiguration": value or {"Status": "Suspended"}},
    ),
    "CorsConfiguration": (
        "PutBucketCors",
        "DeleteBucketCors",
        lambda value: {"CORSConfiguration": {"CORSRules": _cors(value)}},
    ),
    "LifecycleConfiguration": (
        "PutBucketLifecycleConfiguration",
        "DeleteBucketLifecycle",
        lambda value: {"LifecycleConfiguration": {"Rules": _lifecycle(value)}},
    ),
    "BucketEncryption": (
        "PutBucketEncryption",
        "DeleteBucketEncryption",
        lambda value: {"ServerSideEncryptionConfiguration": _encryption(value)},
    ),
    "WebsiteConfiguration": (
        "PutBucketWebsite",
        "DeleteBucketWebsite",
        lambda value: {"WebsiteConfiguration": _website(value)},
    ),
    "PublicAccessBlockConfiguration": (
        "PutPublicAccessBlock",
        "DeletePublicAccessBlock",
        lambda value: {"PublicAccessBlockConfiguration": value},
    ),
    "OwnershipControls": (
        "PutBucketOwnershipControls",
        "DeleteBucketOwnershipControls",
        lambda value: {"OwnershipControls": value},
    ),
    "AccessControl": (
        "PutBucketAcl",
        "",
        lambda value: {"ACL": _canned(value or "Private")},
    ),
    "NotificationConfiguration": (
        "PutBucketNotificationConfiguration",
        "",
        lambda value: {"NotificationConfiguration": _notifications(value or {})},
    ),
}


def _canned(value: str) -> str:
    """Write a canned ACL's name as S3 has it.

    >>> _canned("LogDeliveryWrite")
    'log-delivery-write'
    """
    return re.sub(r"(?<!^)(?=[A-Z])", "-", value).lower()


def _encryption(value: Properties) -> dict[str, Any]:
    return {
        "Rules": [
            {
                "ApplyServerSideEncryptionByDefault": _keyless(
                    rule["ServerSideEncryptionByDefault"]
                ),
                "BucketKeyEnabled": rule.get("BucketKeyEnabled", False),
            }
            for rule in value.get("ServerSideEncryptionConfiguration") or []
            if "ServerSideEncryptionByDefault" in rule
        ]
    }


def _keyless(said: Properties) -> Properties:
    """Encryption by AWS's own key of KMS, which nobody has, is that of S3 here: it is noted."""
    by_kms = said.get("SSEAlgorithm") == "aws:kms" and not said.get("KMSMasterKeyID")
    return {"SSEAlgorithm": "AES256"} if by_kms else said


def _note(doing: Doing) -> str:
    said = _encryption(doing.want.get("BucketEncryption") or {})
    asked = doing.want.get("BucketEncryption") or {}
    differs = "aws:kms" in str(asked) and "aws:kms" not in str(said)
    return "There is no KMS here: BucketEncryption is AES256 instead of aws:kms." if differs else ""


def _website(value: Properties) -> dict[str, Any]:
    found = dict(value)
    if "IndexDocument" in found:
        found["IndexDocument"] = {"Suffix": found["IndexDocument"]}
    if "ErrorDocument" in found:
        found["ErrorDocument"] = {"Key": found["ErrorDocument"]}
    return found


async def _set_parts(doing: Doing, bucket: str) -> None:
    for name, (put, drop, shape) in _PARTS.items():
        if not doing.changed(name):
            continue
        if name in doing.want or not drop:
            await doing.call("s3", put, Bucket=bucket, **shape(doing.want.get(name)))
        else:
            await doing.call("s3", drop, Bucket=bucket)
    tags, had = tag_list(doing.want, doing.tags), tag_list(doing.had, doing.tags)
    if tags and (tags != had or not doing.id):
        await doing.call("s3", "PutBucketTagging", Bucket=bucket, Tagging={"TagSet": tags})
    elif had and not tags:
        await doing.call("s3", "DeleteBucketTagging", Bucket=bucket)


def _made(doing: Doing, bucket: str) -> Made:
    region = doing.account.region
    return Made(
        id=bucket,
        note=_note(doing),
        attributes={
            "Arn": f"arn:aws:s3:::{bucket}",
            "DomainName": f"{bucket}.s3.amazonaws.com",
            "RegionalDomainName": f"{bucket}.s3.{region}.amazonaws.com",
            "DualStackDomainName": f"{bucket}.s3.dualstack.{region}.amazonaws.com",
            "WebsiteURL": f"http://{bucket}.s3-website-{region}.amazonaws.com",
        },
    )


async def _create(doing: Doing) -> Made:
    bucket = doing.name("BucketName", length_max=63, lower=True)
    place = doing.account.region
    where = {"LocationConstraint": place} if place != "us-east-1" else None
    lock = True if doing.want.get("ObjectLockEnabled") in (True, "true") else None
    await doing.call(
        "s3",
        "CreateBucket",
        Bucket=bucket,
        CreateBucketConfiguration=where,
        ObjectLockEnabledForBucket=lock,
    )
    await doing.begun(bucket)
    await _set_parts(doing, bucket)
    return _made(doing, bucket)


async def _update(doing: Doing) -> Made:
    await _set_parts(doing, doing.id)
    return _made(doing, doing.id)


async def _delete(doing: Doing) -> None:
    await doing.forget("s3", "DeleteBucket", Bucket=doing.id)


async def _put_policy(doing: Doing) -> Made:
    document = doing.want["PolicyDocument"]
    await doing.call(
        "s3",
        "PutBucketPolicy",
        Bucket=doing.want["Bucket"],
        Policy=document if isinstance(document, str) else json.dumps(document),
    )
    return Made(id=str(doing.want["Bucket"]))


async def _drop_policy(doing: Doing) -> None:
    await doing.forget("s3", "DeleteBucketPolicy", Bucket=doing.id)


KINDS = (
    Kind(
        type="AWS::S3::Bucket",
        create=_create,
        update=_update,
        delete=_delete,
        takes=frozenset({"BucketName", "Tags", "ObjectLockEnabled", *_PARTS}),
        replaced=frozenset({"BucketName", "ObjectLockEnabled"}),
        named="BucketName",
    ),
    Kind(
        type="AWS::S3::BucketPolicy",
        create=_put_policy,
        update=_put_policy,
        delete=_drop_policy,
        takes=frozenset({"Bucket", "PolicyDocument"}),
        replaced=frozenset({"Bucket"}),
    ),
)
