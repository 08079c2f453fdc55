"""Brings packages into the account's S3, each once: its content is its name there."""

from collections.abc import Collection

from tapwater_server.cli.aws.client import Aws, AwsRefused
from tapwater_server.cli.aws.files import Zipped

BUCKET = "tapwater-deploys"  # one per account; S3's names are the account's own here
_GONE = ("404", "NoSuchKey", "NotFound", "NoSuchBucket")
_THERE = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists")
_DELETED_AT_ONCE_MAX = 1_000


async def ensure_bucket(aws: Aws) -> None:
    """Make the bucket of packages, unless it is there."""
    try:
        await aws.ask("s3", "create_bucket", Bucket=BUCKET)
    except AwsRefused as error:
        if error.aws_code not in _THERE:
            raise


def key_of(stack: str, package: Zipped) -> str:
    """Name a package by its content."""
    return f"{stack}/{package.digest}.zip"


async def upload(aws: Aws, stack: str, package: Zipped) -> bool:
    """Send a package; False: it was there already."""
    key = key_of(stack, package)
    try:
        await aws.ask("s3", "head_object", Bucket=BUCKET, Key=key)
    except AwsRefused as error:
        if error.aws_code not in _GONE:
            raise
    else:
        return False
    with package.file.open("rb") as body:
        await aws.ask("s3", "put_object", Bucket=BUCKET, Key=key, Body=body)
    return True


async def put_template(aws: Aws, stack: str, text: str) -> str:
    """Send a template that is too long for a request; give its URL."""
    key = f"{stack}/template.json"
    await aws.ask("s3", "put_object", Bucket=BUCKET, Key=key, Body=text.encode())
    return f"https://s3.{aws.keys.region}.amazonaws.com/{BUCKET}/{key}"


async def sweep(aws: Aws, stack: str, kept: Collection[str]) -> None:
    """Remove packages of a stack that it no longer names."""
    found = await aws.ask("s3", "list_objects_v2", Bucket=BUCKET, Prefix=f"{stack}/")
    old = [one["Key"] for one in found.get("Contents", ()) if one["Key"] not in kept]
    if old:
        objects = [{"Key": key} for key in old[:_DELETED_AT_ONCE_MAX]]
        await aws.ask("s3", "delete_objects", Bucket=BUCKET, Delete={"Objects": objects})
