"""Makes a small picture of each one that S3 tells of."""

import io
import os
from typing import Any
from urllib.parse import unquote_plus

import boto3
from PIL import Image

s3 = boto3.client("s3")
SIDE = int(os.environ["SIDE"])


def handler(event: dict[str, Any], context: Any) -> None:
    """What Lambda calls."""
    for record in event["Records"]:
        bucket = record["s3"]["bucket"]["name"]
        key = unquote_plus(record["s3"]["object"]["key"])
        picture = Image.open(s3.get_object(Bucket=bucket, Key=key)["Body"])
        picture.thumbnail((SIDE, SIDE))
        out = io.BytesIO()
        picture.save(out, "PNG")
        s3.put_object(
            Bucket=os.environ["TARGET"], Key=key, Body=out.getvalue(), ContentType="image/png"
        )
        print(f"{bucket}/{key}: {picture.width} x {picture.height}")
