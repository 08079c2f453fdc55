"""Which operation a request asks for, by its method and what its query names. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from tapwater_server.clouds.aws.s3.errors import refuse


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Its name as in AWS's model, and the action that policies know it by."""

    name: str
    action: str


def _named(*names: str) -> Mapping[str, str]:
    return dict(name.split(":") for name in names)


# What a query may name of a bucket or key -> method -> operation. The first that is there counts.
_BUCKET: Mapping[str, Mapping[str, str]] = {
    "accelerate": _named(
        "GET:GetBucketAccelerateConfiguration", "PUT:PutBucketAccelerateConfiguration"
    ),
    "acl": _named("GET:GetBucketAcl", "PUT:PutBucketAcl"),
    "analytics": _named(
        "GET:GetBucketAnalyticsConfiguration",
        "PUT:PutBucketAnalyticsConfiguration",
        "DELETE:DeleteBucketAnalyticsConfiguration",
    ),
    "cors": _named("GET:GetBucketCors", "PUT:PutBucketCors", "DELETE:DeleteBucketCors"),
    "delete": _named("POST:DeleteObjects"),
    "encryption": _named(
        "GET:GetBucketEncryption", "PUT:PutBucketEncryption", "DELETE:DeleteBucketEncryption"
    ),
    "intelligent-tiering": _named(
        "GET:GetBucketIntelligentTieringConfiguration",
        "PUT:PutBucketIntelligentTieringConfiguration",
        "DELETE:DeleteBucketIntelligentTieringConfiguration",
    ),
    "inventory": _named(
        "GET:GetBucketInventoryConfiguration",
        "PUT:PutBucketInventoryConfiguration",
        "DELETE:DeleteBucketInventoryConfiguration",
    ),
    "lifecycle": _named(
        "GET:GetBucketLifecycleConfiguration",
        "PUT:PutBucketLifecycleConfiguration",
        "DELETE:DeleteBucketLifecycle",
    ),
    "location": _named("GET:GetBucketLocation"),
    "logging": _named("GET:GetBucketLogging", "PUT:PutBucketLogging"),
    "metrics": _named(
        "GET:GetBucketMetricsConfiguration",
        "PUT:PutBucketMetricsConfiguration",
        "DELETE:DeleteBucketMetricsConfiguration",
    ),
    "notification": _named(
        "GET:GetBucketNotificationConfiguration", "PUT:PutBucketNotificationConfiguration"
    ),
    "object-lock": _named("GET:GetObjectLockConfiguration", "PUT:PutObjectLockConfiguration"),
    "ownershipControls": _named(
        "GET:GetBucketOwnershipControls",
        "PUT:PutBucketOwnershipControls",
        "DELETE:DeleteBucketOwnershipControls",
    ),
    "policy": _named("GET:GetBucketPolicy", "PUT:PutBucketPolicy", "DELETE:DeleteBucketPolicy"),
    "policyStatus": _named("GET:GetBucketPolicyStatus"),
    "publicAccessBlock": _named(
        "GET:GetPublicAccessBlock", "PUT:PutPublicAccessBlock", "DELETE:DeletePublicAccessBlock"
    ),
    "replication": _named(
        "GET:GetBucketReplication", "PUT:PutBucketReplication", "DELETE:DeleteBucketReplication"
    ),
    "requestPayment": _named("GET:GetBucketRequestPayment", "PUT:PutBucketRequestPayment"),
    "tagging": _named("GET:GetBucketTagging", "PUT:PutBucketTagging", "DELETE:DeleteBucketTagging"),
    "uploads": _named("GET:ListMultipartUploads"),
    "versioning": _named("GET:GetBucketVersioning", "PUT:PutBucketVersioning"),
    "versions": _named("GET:ListObjectVersions"),
    "website": _named("GET:GetBucketWebsite", "PUT:PutBucketWebsite", "DELETE:DeleteBucketWebsite"),
}
_OBJECT: Mapping[str, Mapping[str, str]] = {
    "acl": _named("GET:GetObjectAcl", "PUT:PutObjectAcl"),
    "attributes": _named("GET:GetObjectAttributes"),
    "legal-hold": _named("GET:GetObjectLegalHold", "PUT:PutObjectLegalHold"),
    "retention": _named("GET:GetObjectRetention", "PUT:PutObjectRetention"),
    "tagging": _named("GET:GetObjectTagging", "PUT:PutObjectTagging", "DELETE:DeleteObjectTagging"),
    "torrent": _named("GET:GetObjectTorrent"),
    "restore": _named("POST:RestoreObject"),
    "select": _named("POST:SelectObjectContent"),
    "uploads": _named("POST:CreateMultipartUpload"),
    "uploadId": _named(
        "GET:ListParts",
        "PUT:UploadPart",
        "POST:CompleteMultipartUpload",
        "DELETE:AbortMultipartUpload",
    ),
}
_PLAIN_BUCKET = _named(
    "GET:ListObjects",
    "HEAD:HeadBucket",
    "PUT:CreateBucket",
    "DELETE:DeleteBucket",
    "POST:PostObject",
    "OPTIONS:Preflight",
)
_PLAIN_OBJECT = _named(
    "GET:GetObject",
    "HEAD:HeadObject",
    "PUT:PutObject",
    "DELETE:DeleteObject",
    "POST:PostObject",
    "OPTIONS:Preflight",
)
# Where the action is not called as the operation is.
_ACTIONS: Mapping[str, str] = {
    "ListBuckets": "ListAllMyBuckets",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "HeadBucket": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListParts": "ListMultipartUploadParts",
    "HeadObject": "GetObject",
    "CopyObject": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "PostObject": "PutObject",
    "DeleteObjects": "DeleteObject",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "PutBucketCors": "PutBucketCORS",
    "DeleteBucketCors": "PutBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "GetBucketReplication": "GetReplicationConfiguration",
    "PutBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeleteBucketTagging": "PutBucketTagging",
}
# Whose action is another one where a version is named.
_VERSIONED = {
    "GetObject",
    "GetObjectAcl",
    "PutObjectAcl",
    "GetObjectTagging",
    "PutObjectTagging",
    "DeleteObjectTagging",
    "DeleteObject",
    "GetObjectAttributes",
}


def operation_of(
    method: str, bucket: str, key: str, query: Mapping[str, str], headers: Mapping[str, str]
) -> Operation:
    """Say what is asked for.

    >>> operation_of("GET", "photos", "a", {"versionId": "1"}, {}).action
    's3:GetObjectVersion'

    Raises:
        AwsError: MethodNotAllowed.
    """
    name = _name_of(method, bucket, key, query, headers)
    action = _ACTIONS.get(name, name)
    if action in _VERSIONED and query.get("versionId"):
        action = action.replace("Object", "ObjectVersion", 1)
    return Operation(name=name, action=f"s3:{action}")


def _name_of(
    method: str, bucket: str, key: str, query: Mapping[str, str], headers: Mapping[str, str]
) -> str:
    if not bucket:
        if method != "GET" or key:
            raise refuse("MethodNotAllowed")
        return "ListBuckets"
    if method == "OPTIONS":
        return "Preflight"
    return _of_place(method, key, query, headers)


def _of_place(method: str, key: str, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
    plain = _PLAIN_OBJECT if key else _PLAIN_BUCKET
    for name, methods in (_OBJECT if key else _BUCKET).items():
        if name in query and method != "HEAD":
            return _special(name, methods, method, query, headers)
    if method not in plain or (key and method == "POST"):
        raise refuse("MethodNotAllowed", Method=method)
    found = plain[method]
    if found == "ListObjects" and query.get("list-type") == "2":
        return "ListObjectsV2"
    return "CopyObject" if found == "PutObject" and "x-amz-copy-source" in headers else found


def _special(
    name: str,
    methods: Mapping[str, str],
    method: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
) -> str:
    if method not in methods:
        raise refuse("MethodNotAllowed", Method=method)
    found = methods[method]
    if found == "UploadPart" and "x-amz-copy-source" in headers:
        return "UploadPartCopy"
    if method == "GET" and name in ("analytics", "intelligent-tiering", "inventory", "metrics"):
        return found if "id" in query else found.replace("Get", "List", 1) + "s"
    return found
