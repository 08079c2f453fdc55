"""Blobs on S3: storing, reading, looking, listing and deleting."""

import importlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from tapwater.services.speaking import path_to
from tapwater.services.transport import Reply, Request, ServiceError

_MISSING = ("404", "NoSuchKey", "NotFound")
_ABOUT = {
    "content-type": "ContentType",
    "cache-control": "CacheControl",
    "content-disposition": "ContentDisposition",
    "content-encoding": "ContentEncoding",
    "content-language": "ContentLanguage",
    "if-match": "IfMatch",
    "if-none-match": "IfNoneMatch",
}


class Uploads:
    """Content that comes in parts: smaller ones than S3 takes, so they wait here for the last."""

    def __init__(self) -> None:
        self._begun: dict[str, tuple[Mapping[str, Any], dict[int, bytes]]] = {}

    def take(self, request: Request, rest: list[str]) -> "Reply | Request":
        """Take a part; give what is to be stored once all are there."""
        if not rest:
            id = str(len(self._begun) + 1)
            self._begun[id] = (json.loads(request.body), {})
            return _json({"upload": id})
        asked, parts = self._begun[rest[0]]
        if len(rest) > 1:
            parts[int(rest[1])] = request.body
            return _json({"number": int(rest[1]), "etag": rest[1]})
        del self._begun[rest[0]]
        if request.method == "DELETE":
            return Reply(status=204)
        return Request(
            method="PUT",
            path=path_to("blobs", asked["bucket"], asked["key"]),
            headers={**request.headers, **_headers(asked.get("about") or {})},
            body=b"".join(parts[number] for number in sorted(parts)),
        )


_APART = ("metadata", "tags")


def _headers(about: Mapping[str, Any]) -> dict[str, str]:
    headers = {key.replace("_", "-"): str(about[key]) for key in about if key not in _APART}
    if about.get("metadata"):
        headers["tapwater-metadata"] = json.dumps(about["metadata"])
    return headers


def carry(s3: Any, bucket_of: Callable[[str], str], request: Request, rest: list[str]) -> Reply:
    """Carry one request to S3.

    Raises:
        ServiceError: there is no such blob, or S3 has no counterpart for what is asked.
    """
    if not rest or rest[0] == "-":
        raise ServiceError(
            "this has no counterpart on S3 in this export", code="not_implemented", status=501
        )
    name, key = rest[0], "/".join(rest[1:])
    act = _ACTS.get((request.method, bool(key)))
    if act is None:
        raise ServiceError("not on S3 in this export", code="not_implemented", status=501)
    refused = importlib.import_module("botocore.exceptions").ClientError
    try:
        return act(s3, bucket_of(name), name, key, request)
    except refused as error:
        raise _as_ours(error.response, f"{name}/{key}") from error


def _as_ours(response: Mapping[str, Any], path: str) -> ServiceError:
    code = str(response.get("Error", {}).get("Code", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
    if code in _MISSING:
        return ServiceError(f"there is no blob {path}", code="not_found", status=404)
    if status in (409, 412):
        return ServiceError(f"{path} is another by now", code="conflict", status=409)
    return ServiceError(f"S3 says {code} of {path}", code="internal", status=max(status, 400))


def _put(s3: Any, bucket: str, name: str, key: str, request: Request) -> Reply:
    more: dict[str, Any] = {
        target: request.headers[header]
        for header, target in _ABOUT.items()
        if header in request.headers
    }
    if "tapwater-metadata" in request.headers:
        more["Metadata"] = json.loads(request.headers["tapwater-metadata"])
    said = s3.put_object(Bucket=bucket, Key=key, Body=request.body, **more)
    kind = request.headers.get("content-type", "")
    return _json(
        {
            "bucket": name,
            "key": key,
            "size": len(request.body),
            "etag": said["ETag"].strip('"'),
            "content_type": kind,
            "metadata": more.get("Metadata", {}),
            "version": said.get("VersionId", "null"),
        }
    )


def _get(s3: Any, bucket: str, name: str, key: str, request: Request) -> Reply:
    if request.query.get("facts"):
        return _json(_facts(name, key, s3.head_object(Bucket=bucket, Key=key)))
    said = s3.head_object(Bucket=bucket, Key=key)
    if not said["ContentLength"]:
        return Reply(status=200, headers={"etag": said["ETag"]})
    more = {"Range": request.headers["range"]} if "range" in request.headers else {}
    if "if-match" in request.headers:
        more["IfMatch"] = request.headers["if-match"]
    found = s3.get_object(Bucket=bucket, Key=key, **more)
    headers = {"etag": found["ETag"], "content-type": found.get("ContentType", "")}
    if found.get("ContentRange"):
        headers["content-range"] = found["ContentRange"]
    status = 206 if more.get("Range") else 200
    return Reply(status=status, headers=headers, body=found["Body"].read())


def _facts(name: str, key: str, said: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "bucket": name,
        "key": key,
        "size": said["ContentLength"],
        "etag": said["ETag"].strip('"'),
        "content_type": said.get("ContentType", ""),
        "metadata": said.get("Metadata", {}),
        "version": said.get("VersionId", "null"),
        "stored_at": said["LastModified"].timestamp(),
    }


def _delete(s3: Any, bucket: str, name: str, key: str, request: Request) -> Reply:
    s3.head_object(Bucket=bucket, Key=key)  # S3 itself says nothing of what was not there.
    s3.delete_object(Bucket=bucket, Key=key)
    return Reply(status=204)


def _list(s3: Any, bucket: str, name: str, key: str, request: Request) -> Reply:
    asked = {
        "Prefix": request.query.get("prefix"),
        "Delimiter": request.query.get("delimiter"),
        "StartAfter": request.query.get("start_after"),
        "ContinuationToken": request.query.get("page"),
        "MaxKeys": int(request.query.get("limit", "500")),
    }
    given = {name: value for name, value in asked.items() if value is not None}
    found = s3.list_objects_v2(Bucket=bucket, **given)
    blobs = [
        {
            "bucket": name,
            "key": one["Key"],
            "size": one["Size"],
            "etag": one["ETag"].strip('"'),
            "stored_at": one["LastModified"].timestamp(),
        }
        for one in found.get("Contents", ())
    ]
    prefixes = [one["Prefix"] for one in found.get("CommonPrefixes", ())]
    return _json(
        {"blobs": blobs, "prefixes": prefixes, "next": found.get("NextContinuationToken", "")}
    )


def _json(value: Any) -> Reply:
    return Reply(
        status=200, headers={"content-type": "application/json"}, body=json.dumps(value).encode()
    )


# By method, and whether a key is named.
_ACTS: Mapping[tuple[str, bool], Callable[[Any, str, str, str, Request], Reply]] = {
    ("PUT", True): _put,
    ("GET", True): _get,
    ("DELETE", True): _delete,
    ("GET", False): _list,
}
