"""The policy of a browser's form: what its conditions allow to be sent. Pure."""

import binascii
import json
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tapwater_server.clouds.aws.s3.errors import refuse
from tapwater_server.clouds.aws.s3.times import read_iso

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
# Nobody needs to allow these.
_FREE = {"x-amz-signature", "awsaccesskeyid", "signature", "file", "policy"}


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many bytes a file may have."""

    least: int = 0
    most: int | None = None


def check_policy(text: str, fields: Mapping[str, str], *, now: float) -> Sizes:
    """Let the fields of a form pass that its policy allows; says which sizes it allows.

    Raises:
        AwsError: it is no policy, has expired, or does not allow them.
    """
    document = _document(text)
    said = document["expiration"]
    until = read_iso(said) if _MOMENT.fullmatch(said) else None
    if until is None:
        raise _malformed("Invalid 'expiration' value")
    if until < now:
        raise refuse("AccessDenied", "Invalid according to Policy: Policy expired.")
    sizes, covered = Sizes(), set(_FREE)
    for condition in document["conditions"]:
        found = _parsed(condition)
        if isinstance(found, Sizes):
            sizes = found
            continue
        operator, name, value = found
        covered.add(name)
        if not _holds(operator, fields.get(name, ""), value):
            raise refuse(
                "AccessDenied",
                f"Invalid according to Policy: Policy Condition failed: {json.dumps(condition)}",
            )
    for name in fields:
        if name not in covered and not name.startswith(("x-ignore-", "x-amz-checksum-")):
            raise refuse("AccessDenied", f"Invalid according to Policy: Extra input fields: {name}")
    return sizes


def _document(text: str) -> dict[str, Any]:
    try:
        document = json.loads(b64decode(text))
    except (binascii.Error, ValueError, RecursionError):
        raise _malformed("Invalid Policy: Invalid JSON.") from None
    if not isinstance(document, dict):
        raise _malformed("Invalid Policy: Invalid JSON.")
    if not isinstance(document.get("expiration"), str):
        raise _malformed("Policy document must have an expiration.")
    if not isinstance(document.get("conditions"), list):
        raise _malformed("Policy document must have a list of conditions.")
    return document


def _parsed(condition: Any) -> "Sizes | tuple[str, str, str]":
    """Read one condition: a size, or what a field must be like."""
    if isinstance(condition, dict) and len(condition) == 1:
        name, value = next(iter(condition.items()))
        if isinstance(value, str):
            return "eq", name.lower(), value
    if isinstance(condition, list) and len(condition) == 3:
        operator = str(condition[0]).lower()
        if operator == "content-length-range":
            return _sizes(condition)
        name, value = condition[1], condition[2]
        named = isinstance(name, str) and name.startswith("$") and isinstance(value, str)
        if operator in ("eq", "starts-with") and named:
            return operator, name[1:].lower(), value
    raise _malformed("Invalid Policy: Invalid condition.")


def _sizes(condition: list[Any]) -> Sizes:
    try:
        least, most = int(condition[1]), int(condition[2])
    except (TypeError, ValueError, OverflowError):
        raise _malformed("Invalid Policy: Invalid content-length-range.") from None
    if not 0 <= least <= most:
        raise _malformed("Invalid Policy: Invalid content-length-range.")
    return Sizes(least, most)


def _holds(operator: str, said: str, value: str) -> bool:
    return said == value if operator == "eq" else said.startswith(value)


def _malformed(message: str) -> Exception:
    return refuse("InvalidPolicyDocument", message)
