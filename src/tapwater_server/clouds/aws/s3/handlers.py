"""The operations of S3, each with who answers it."""

from collections.abc import Mapping

from tapwater_server.clouds.aws.s3.buckets import Buckets
from tapwater_server.clouds.aws.s3.configs import KINDS, MANY, Configs
from tapwater_server.clouds.aws.s3.cors import Cors
from tapwater_server.clouds.aws.s3.deleting import Deleting
from tapwater_server.clouds.aws.s3.door import S3, Handler
from tapwater_server.clouds.aws.s3.forms import Forms, Signers
from tapwater_server.clouds.aws.s3.granting import Granting
from tapwater_server.clouds.aws.s3.guarding import Guarding
from tapwater_server.clouds.aws.s3.lifecycles import Lifecycles
from tapwater_server.clouds.aws.s3.listing import Listings
from tapwater_server.clouds.aws.s3.locking import Locking
from tapwater_server.clouds.aws.s3.multipart import Multipart
from tapwater_server.clouds.aws.s3.reading import Reading
from tapwater_server.clouds.aws.s3.stores import Means
from tapwater_server.clouds.aws.s3.tagging import Tagging
from tapwater_server.clouds.aws.s3.writing import Writing

# What the operations of a kept configuration are called after their verb.
_CALLED: Mapping[str, str] = {
    "accelerate": "BucketAccelerateConfiguration",
    "cors": "BucketCors",
    "encryption": "BucketEncryption",
    "logging": "BucketLogging",
    "notification": "BucketNotificationConfiguration",
    "replication": "BucketReplication",
    "request-payment": "BucketRequestPayment",
    "website": "BucketWebsite",
    "analytics": "BucketAnalyticsConfiguration",
    "intelligent-tiering": "BucketIntelligentTieringConfiguration",
    "inventory": "BucketInventoryConfiguration",
    "metrics": "BucketMetricsConfiguration",
}


def make_s3(means: Means, signers: Signers) -> S3:
    """Put the door together."""
    reading = Reading(means)
    granting = Granting(means, reading)
    writing = Writing(means, granting)
    cors = Cors(means)
    handlers = {
        **_of_buckets(means, granting),
        **_of_objects(means, reading, granting, writing),
        **_of_configs(Configs(means)),
        "Preflight": cors.preflight,
        "PostObject": Forms(means, writing, signers).post,
    }
    return S3(handlers=handlers, people=means.people, cors=cors)


def _of_buckets(means: Means, granting: Granting) -> Mapping[str, Handler]:
    buckets, guarding = Buckets(means, granting), Guarding(means)
    lifecycles = Lifecycles(means)
    listings, tagging, locking = Listings(means), Tagging(means, Reading(means)), Locking(means)
    return {
        "ListBuckets": listings.buckets,
        "CreateBucket": buckets.create,
        "HeadBucket": buckets.head,
        "DeleteBucket": buckets.delete,
        "GetBucketLocation": buckets.location,
        "GetBucketVersioning": buckets.get_versioning,
        "PutBucketVersioning": buckets.put_versioning,
        "GetBucketOwnershipControls": buckets.get_ownership,
        "PutBucketOwnershipControls": buckets.put_ownership,
        "DeleteBucketOwnershipControls": buckets.delete_ownership,
        "GetBucketAcl": granting.get_bucket,
        "PutBucketAcl": granting.put_bucket,
        "GetBucketPolicy": guarding.get_policy,
        "PutBucketPolicy": guarding.put_policy,
        "DeleteBucketPolicy": guarding.delete_policy,
        "GetBucketPolicyStatus": guarding.policy_status,
        "GetPublicAccessBlock": guarding.get_block,
        "PutPublicAccessBlock": guarding.put_block,
        "DeletePublicAccessBlock": guarding.delete_block,
        "GetBucketTagging": tagging.get_bucket,
        "PutBucketTagging": tagging.put_bucket,
        "DeleteBucketTagging": tagging.delete_bucket,
        "GetObjectLockConfiguration": locking.get_config,
        "PutObjectLockConfiguration": locking.put_config,
        "GetBucketLifecycleConfiguration": lifecycles.get,
        "PutBucketLifecycleConfiguration": lifecycles.put,
        "DeleteBucketLifecycle": lifecycles.delete,
        "ListObjects": listings.objects,
        "ListObjectsV2": listings.objects_v2,
        "ListObjectVersions": listings.versions,
    }


def _of_objects(
    means: Means, reading: Reading, granting: Granting, writing: Writing
) -> Mapping[str, Handler]:
    deleting, multipart = Deleting(means), Multipart(means, writing)
    tagging, locking = Tagging(means, reading), Locking(means)
    return {
        "GetObject": reading.get,
        "HeadObject": reading.get,
        "GetObjectAttributes": reading.attributes,
        "GetObjectTorrent": reading.torrent,
        "SelectObjectContent": reading.select,
        "PutObject": writing.put,
        "CopyObject": writing.copy,
        "DeleteObject": deleting.one,
        "DeleteObjects": deleting.many,
        "GetObjectAcl": granting.get_object,
        "PutObjectAcl": granting.put_object,
        "GetObjectTagging": tagging.get_object,
        "PutObjectTagging": tagging.put_object,
        "DeleteObjectTagging": tagging.delete_object,
        "GetObjectRetention": locking.get_retention,
        "PutObjectRetention": locking.put_retention,
        "GetObjectLegalHold": locking.get_hold,
        "PutObjectLegalHold": locking.put_hold,
        "CreateMultipartUpload": multipart.create,
        "UploadPart": multipart.put_part,
        "UploadPartCopy": multipart.copy_part,
        "ListParts": multipart.list_parts,
        "ListMultipartUploads": multipart.list_uploads,
        "CompleteMultipartUpload": multipart.complete,
        "AbortMultipartUpload": multipart.abort,
    }


def _of_configs(configs: Configs) -> Mapping[str, Handler]:
    found: dict[str, Handler] = {}
    for kind in KINDS:
        name = _CALLED[kind]
        found[f"Get{name}"] = configs.get(kind)
        found[f"Put{name}"] = configs.put(kind)
        found[f"Delete{name}"] = configs.delete(kind)
    for kind in MANY:
        name = _CALLED[kind]
        found[f"Get{name}"] = configs.get_one(kind)
        found[f"Put{name}"] = configs.put_one(kind)
        found[f"Delete{name}"] = configs.delete_one(kind)
        found[f"List{name}s"] = configs.list_many(kind)
    return found
