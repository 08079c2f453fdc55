"""Pages of other origins that ask a function URL. Pure."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from tapwater_server.clouds.aws.lambda_.refusals import invalid

_LISTS = ("AllowHeaders", "AllowMethods", "AllowOrigins", "ExposeHeaders")
_MEMBERS_MAX = 100
_AGE_S_MAX = 86_400

Pairs = Sequence[tuple[str, str]]


def check_cors(said: Any) -> Mapping[str, Any]:
    """Check a Cors setting.

    Raises:
        AwsError: it is none.
    """
    if not isinstance(said, dict):
        raise invalid("Cors must be an object")
    for name in _LISTS:
        value = said.get(name) or []
        texts = isinstance(value, list) and all(isinstance(one, str) for one in value)
        if not texts or len(value) > _MEMBERS_MAX or any("\n" in one for one in value):
            raise invalid(f"Cors.{name} must be a list of at most {_MEMBERS_MAX} strings")
    age = said.get("MaxAge")
    if age is not None and not (isinstance(age, int) and 0 <= age <= _AGE_S_MAX):
        raise invalid(f"Cors.MaxAge must be between 0 and {_AGE_S_MAX}")
    return {name: value for name, value in said.items() if value is not None}


def allowed_origin(cors: Mapping[str, Any], origin: str) -> str:
    """Say what to answer to an origin; "": it may not ask.

    >>> allowed_origin({"AllowOrigins": ["https://*.example"]}, "https://a.example")
    'https://a.example'
    """
    origins = cors.get("AllowOrigins") or []
    if not origin or not any(fnmatchcase(origin, one) for one in origins):
        return ""
    return "*" if "*" in origins and not cors.get("AllowCredentials") else origin


def preflight(cors: Mapping[str, Any], origin: str) -> Pairs:
    """Give the headers of the answer to a preflight."""
    allowed = allowed_origin(cors, origin)
    if not allowed:
        return ()
    headers = [("access-control-allow-origin", allowed)]
    for name, header in (
        ("AllowMethods", "access-control-allow-methods"),
        ("AllowHeaders", "access-control-allow-headers"),
    ):
        if cors.get(name):
            headers.append((header, ",".join(cors[name])))
    if cors.get("MaxAge") is not None:
        headers.append(("access-control-max-age", str(cors["MaxAge"])))
    return [*headers, *_credentials(cors), ("vary", "Origin")]


def answered(cors: Mapping[str, Any], origin: str) -> Pairs:
    """Give the headers that other answers get."""
    allowed = allowed_origin(cors, origin)
    if not allowed:
        return ()
    headers = [("access-control-allow-origin", allowed)]
    if cors.get("ExposeHeaders"):
        headers.append(("access-control-expose-headers", ",".join(cors["ExposeHeaders"])))
    return [*headers, *_credentials(cors), ("vary", "Origin")]


def _credentials(cors: Mapping[str, Any]) -> Pairs:
    return [("access-control-allow-credentials", "true")] if cors.get("AllowCredentials") else []
