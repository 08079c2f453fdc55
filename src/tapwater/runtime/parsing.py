"""Text of the web into values: query strings, cookies, JSON, forms."""

import json
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import unquote_plus

from tapwater.problem import invalid
from tapwater.runtime.multipart import FormFields, FormParser

FIELDS_MAX = 1000  # of a query string or a form; more is an attack on our dictionaries


def parse_query(raw: bytes) -> dict[str, list[str]]:
    """The parameters of a query string, in order.

    >>> parse_query(b"a=1&b=x%20y&a=2&c")
    {'a': ['1', '2'], 'b': ['x y'], 'c': ['']}

    Raises:
        Problem: 422, there are too many.
    """
    found: dict[str, list[str]] = {}
    if not raw:
        return found
    text = raw.decode("utf-8", "replace")
    if text.count("&") >= FIELDS_MAX:
        raise invalid("query", f"has more than {FIELDS_MAX} parameters")
    escaped = "%" in text or "+" in text
    for pair in text.split("&"):
        if not pair:
            continue
        name, _, value = pair.partition("=")
        if escaped:
            name, value = unquote_plus(name), unquote_plus(value)
        found.setdefault(name, []).append(value)
    return found


def parse_cookies(header: str) -> dict[str, str]:
    """The cookies of a Cookie header; a malformed one is left out, not the rest.

    >>> parse_cookies('a=1; b="x y"; ; =z')
    {'a': '1', 'b': 'x y'}
    """
    cookies: dict[str, str] = {}
    for pair in header.split(";")[:FIELDS_MAX]:
        name, equals, value = pair.strip().partition("=")
        if name and equals:
            cookies.setdefault(name, _unquoted(value))
    return cookies


def _unquoted(value: str) -> str:
    if not (len(value) >= 2 and value[0] == value[-1] == '"'):
        return value
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(f"v={value}")
    except CookieError:
        return value[1:-1]
    return jar["v"].value if "v" in jar else value[1:-1]


def parse_json(body: bytes) -> Any:
    """The body as JSON.

    Raises:
        Problem: 422, it is none.
    """
    try:
        return json.loads(body, parse_constant=_no_constant)
    except RecursionError:
        raise invalid("body", "is nested too deeply") from None
    except ValueError as error:
        raise invalid("body", f"is not JSON: {error}" if body else "is missing") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def parse_form(content_type: str, body: bytes) -> FormFields:
    """The fields and files of a form that is here whole.

    Raises:
        Problem: 415 or 422, it is none.
    """
    parser = FormParser(content_type, spool=False)  # It is all in memory already.
    parser.feed(body)
    return parser.finish()
