"""What requests to S3 ask for, as policies call it: its own table says it better than a model."""

from collections.abc import Sequence

from tapwater_server.clouds.aws.asked import AwsAsked
from tapwater_server.clouds.aws.front.asking import Wish
from tapwater_server.clouds.aws.s3.addressing import place_of
from tapwater_server.clouds.aws.s3.operations import operation_of
from tapwater_server.clouds.aws.s3.writing import source_of


def s3_wishes(asked: AwsAsked) -> Sequence[Wish]:
    """Read what is wished of a bucket or an object."""
    bucket, key = place_of(asked.path, asked.named)
    operation = operation_of(asked.method, bucket, key, dict(asked.query), asked.headers)
    resource = f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket or '*'}"
    wishes = [Wish(operation.action, _many(resource, operation.name))]
    if "x-amz-copy-source" in asked.headers:
        source = source_of(asked.headers["x-amz-copy-source"])
        action = "s3:GetObjectVersion" if source.version else "s3:GetObject"
        wishes.append(Wish(action, f"arn:aws:s3:::{source.bucket}/{source.key}"))
    return wishes


def _many(resource: str, operation: str) -> str:
    """Of many objects at a time, named in the body: it must be allowed for all of the bucket's."""
    return f"{resource}/*" if operation == "DeleteObjects" else resource
