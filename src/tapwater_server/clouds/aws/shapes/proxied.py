"""What a function behind API Gateway or a function URL answered, as an HTTP response. Pure."""

import json
import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tapwater_server.clouds.aws.shapes.proxying import takes_binary

PRELUDE_MEDIA = "application/vnd.awslambda.http-integration-response"
_PRELUDE_END = b"\0" * 8
PRELUDE_BYTES_MAX = 64 << 10
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_REST_KEYS = frozenset({"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"})


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """One HTTP response."""

    status: int
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""


class Malformed(Exception):
    """The function answered what is no response. Its text is for the log."""


def failed(*, rest: bool = True) -> HttpAnswer:
    """Answer for a failed function: 502 of a REST API or a function URL, 500 of an HTTP API."""
    message = "Internal server error" if rest else "Internal Server Error"
    return said(502 if rest else 500, message)


def said(status: int, message: str) -> HttpAnswer:
    """Answer as the gateway itself does.

    >>> said(404, "Not Found").body
    b'{"message":"Not Found"}'
    """
    body = json.dumps({"message": message}, separators=(",", ":")).encode()
    return HttpAnswer(status=status, headers=[("content-type", "application/json")], body=body)


def rest_answer(payload: bytes, *, accept: str = "", binary: Sequence[str] = ()) -> HttpAnswer:
    """Read the answer of a function behind a REST API (payload format 1.0).

    Base64 is decoded only where the client accepts a media type that the API has as binary.

    Raises:
        Malformed: it is none.
    """
    found = _load(payload)
    if not isinstance(found, dict) or not found.keys() <= _REST_KEYS:
        raise Malformed("Malformed Lambda proxy response")
    headers = _headers_1(found) or [("content-type", "application/json")]
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "application/json"))
    decodes = bool(found.get("isBase64Encoded")) and takes_binary(accept or "*/*", binary)
    return HttpAnswer(
        status=_status(found.get("statusCode", 200)),
        headers=headers,
        body=_body(found.get("body"), encoded=decodes),
    )


def http_answer_1(payload: bytes) -> HttpAnswer:
    """Read the answer of a function behind an HTTP API in payload format 1.0.

    Raises:
        Malformed: it is none.
    """
    found = _load(payload)
    if not isinstance(found, dict) or "statusCode" not in found:
        raise Malformed("the function's answer has no statusCode")
    return _answer_2(found, _headers_1(found), "text/plain;charset=UTF-8")


def http_answer(payload: bytes) -> HttpAnswer:
    """Read the answer of a function behind an HTTP API (payload format 2.0) or a function URL.

    What has no ``statusCode`` is the body itself, as JSON.

    >>> http_answer(b'{"a": 1}').body
    b'{"a": 1}'

    Raises:
        Malformed: it is none.
    """
    found = _load(payload)
    if not isinstance(found, dict) or "statusCode" not in found:
        body = found.encode() if isinstance(found, str) else payload
        return HttpAnswer(status=200, headers=[("content-type", "application/json")], body=body)
    return _answer_2(found, _headers_2(found), "application/json")


def prelude(value: Mapping[str, Any]) -> HttpAnswer:
    """Read the head of a streamed answer: status, headers, cookies.

    Raises:
        Malformed: it is none.
    """
    headers = _headers_2(value)
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "application/octet-stream"))
    return HttpAnswer(status=_status(value.get("statusCode", 200)), headers=headers)


def split_prelude(seen: bytes) -> tuple[HttpAnswer, bytes] | None:
    """Take the head off a streamed answer; None: its end has not come yet.

    >>> head, rest = split_prelude(b'{"statusCode":201}' + bytes(8) + b"hello")
    >>> head.status, rest
    (201, b'hello')

    Raises:
        Malformed: it is no prelude, or too long for one.
    """
    head, end, rest = seen.partition(_PRELUDE_END)
    if len(head) > PRELUDE_BYTES_MAX:
        raise Malformed(f"the prelude has more than {PRELUDE_BYTES_MAX} bytes")
    if not end:
        return None
    value = _load(head)
    if not isinstance(value, dict):
        raise Malformed("the prelude is no JSON object")
    return prelude(value), rest


def _answer_2(found: Mapping[str, Any], headers: list[tuple[str, str]], media: str) -> HttpAnswer:
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", media))
    return HttpAnswer(
        status=_status(found["statusCode"]),
        headers=headers,
        body=_body(found.get("body"), encoded=bool(found.get("isBase64Encoded")), lenient=True),
    )


def _headers_1(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Both kinds of headers: of a name in both, the many win where the one is not among them."""
    many = _object(found.get("multiValueHeaders"), "multiValueHeaders")
    one = _object(found.get("headers"), "headers")
    headers: list[tuple[str, str]] = []
    for name, values in many.items():
        if not isinstance(values, list):
            raise Malformed(f"multiValueHeaders[{name!r}] is no list")
        headers += [(name.lower(), _scalar(name, value)) for value in values]
    lower = {name for name, _ in headers}
    headers += [
        (name.lower(), _scalar(name, value))
        for name, value in one.items()
        if value is not None and name.lower() not in lower
    ]
    return headers


def _headers_2(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    headers = [
        (name.lower(), _scalar(name, value))
        for name, value in _object(found.get("headers"), "headers").items()
        if value is not None
    ]
    cookies = found.get("cookies") or []
    if not isinstance(cookies, list):
        raise Malformed("cookies is no list")
    return headers + [("set-cookie", _scalar("cookies", value)) for value in cookies]


def _body(body: object, *, encoded: bool, lenient: bool = False) -> bytes:
    if body is None:
        return b""
    if not isinstance(body, str):
        if not lenient:
            raise Malformed("body is no string")
        return json.dumps(body, separators=(",", ":")).encode()
    if not encoded:
        return body.encode(errors="replace")
    try:
        return b64decode(body)
    except (NotBase64, ValueError) as error:
        raise Malformed("body is no base64") from error


def _status(value: object) -> int:
    try:
        status = int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        status = 0
    if isinstance(value, bool) or not 200 <= status <= 599:
        raise Malformed(f"statusCode is {value!r}")
    return int(status)


def _scalar(name: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        raise Malformed(f"header {name!r} is no text")
    text = str(value).strip()
    if _TOKEN.fullmatch(name) is None or any(mark in text for mark in "\r\n\0"):
        raise Malformed(f"header {name!r} cannot be sent")
    return text.encode(errors="replace").decode("latin-1")  # As bytes it goes out in UTF-8.


def _object(value: object, what: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Malformed(f"{what} is no object")
    return value


def _load(payload: bytes) -> Any:
    try:
        return json.loads(payload or b"null")
    except ValueError as error:
        raise Malformed("the function's answer is no JSON") from error
