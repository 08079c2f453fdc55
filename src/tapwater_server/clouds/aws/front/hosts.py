"""Host names of AWS's shape, below our domains or its own: which service, which bucket. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

AMAZON = ("amazonaws.com", "amazonaws.com.cn", "api.aws", "on.aws")
_REGION = r"[a-z]{2}(?:-[a-z]+)+-[0-9]"
_NAMED = re.compile(
    rf"(?P<id>[a-z0-9-]{{1,63}})\.(?P<what>lambda-url|execute-api)\.(?P<region>{_REGION})"
)
_BUCKET = re.compile(
    rf"(?:(?P<bucket>.+)\.)?s3(?:[.-](?:dualstack\.)?(?P<region>{_REGION}|external-1))?"
)
_SERVICE = re.compile(rf"(?P<service>[a-z][a-z0-9-]{{1,40}})\.(?P<region>{_REGION})")
_GLOBAL = frozenset({"aws", "iam", "sts"})


@dataclass(frozen=True, slots=True)
class Place:
    """What a host name says. ``service``: a scope of signatures, "lambda-url", "execute-api"; "":
    any. ``named``: a bucket, or the id of a function's URL or of an API.
    """

    service: str = ""
    region: str = ""
    named: str = ""


NOWHERE = Place()


def read_host(host: str, domains: Sequence[str]) -> Place | None:
    """Read a host name in lower case, without its port; None: it is not of AWS's shape.

    >>> read_host("photos.s3.localhost", ["localhost"])
    Place(service='s3', region='', named='photos')
    >>> read_host("sqs.eu-west-1.amazonaws.com", ["localhost"])
    Place(service='sqs', region='eu-west-1', named='')
    >>> read_host("shop.localhost", ["localhost"]) is None
    True
    """
    for domain in (*domains, *AMAZON):
        if host.endswith(f".{domain}"):
            return _read_labels(host[: -len(domain) - 1], own=domain in domains)
    return None


def _read_labels(labels: str, *, own: bool) -> Place | None:
    found = _NAMED.fullmatch(labels)
    if found is not None:
        return Place(found["what"], found["region"], found["id"])
    found = _BUCKET.fullmatch(labels)
    if found is not None:
        region = found["region"] or ""
        return Place("s3", "us-east-1" if region == "external-1" else region, found["bucket"] or "")
    found = _SERVICE.fullmatch(labels)
    if found is not None:
        return Place(found["service"], found["region"])
    if labels in _GLOBAL:
        return Place("" if labels == "aws" else labels)
    return None if own else NOWHERE
