"""Hides secrets in what is written down: known values wherever they stand, others by their name.

What is hidden: the values of an app's secrets, in the forms they are usually written in (as they
are, a line of several, escaped in JSON, in a URL, in base64); what a name says is a credential
(``password``, ``api_key``, ``Authorization``…); and ``Bearer …`` anywhere. A value of fewer than
``VALUE_LENGTH_MIN`` characters is not looked for: "1234" stands in many a line that is harmless.

>>> mask_text("login failed for hunter22", written_forms(["hunter22"]))
'login failed for •••'
"""

import base64
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "•••"
VALUE_LENGTH_MIN = 6  # characters; shorter values are not looked for
LINE_LENGTH_MIN = 12  # of one line of a secret that has several: "}" is no secret
VALUES_MAX = 200  # of one app are looked for
DEPTH_MAX = 32  # of JSON; what lies deeper is hidden whole

Forms = tuple[str, ...]  # what to look for, longest first
Headers = list[tuple[bytes, bytes]]

_WORDS = frozenset(
    {
        "password", "passwords", "passwd", "pwd", "passphrase", "secret", "secrets", "token",
        "tokens", "authorization", "cookie", "cookies", "apikey", "credential", "credentials",
        "jwt", "cvc", "cvv", "otp", "signature", "csrf", "xsrf",
    }
)  # fmt: skip
_PAIRS = frozenset(
    {
        ("api", "key"), ("access", "key"), ("private", "key"), ("secret", "key"),
        ("session", "id"), ("signing", "key"), ("encryption", "key"),
    }
)  # fmt: skip
_NAME_LENGTH = 200  # of a name is looked at
_COUNTED = frozenset({"count", "used", "max", "min", "limit", "total", "left"})
_CUT = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])")

# Texts: only looked at closely when one of these is in them.
_HINTS = ("bearer ", "basic ", "password", "passwd", "secret", "token", "key", "cookie", "auth")
_SCHEMES = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}")
_HEADER_LINE = re.compile(
    r"(?im)^(\s*(?:proxy-)?authorization|\s*(?:set-)?cookie|\s*x-[a-z-]*(?:key|token))\s*:\s*\S.*$"
)
_ASSIGNED = re.compile(
    r"""(?ix)
    ( (?P<quote>["']?) (?P<name>[a-z0-9_.-]{0,64}
        (?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key))
      (?P=quote) \s* (?: = | (?<=["'])\s*: ) \s* )
    (?: "[^"\n]*" | '[^'\n]*' | [^\s"',;&}\])]+ )
    """
)


def written_forms(values: Iterable[str]) -> Forms:
    """Give all forms that these secrets are looked for in.

    >>> written_forms(["short"]), written_forms(["päss wort"])[:2]
    ((), ('p%C3%A4ss%20wort', 'p%C3%A4ss+wort'))
    """
    forms: set[str] = set()
    for value in list(values)[:VALUES_MAX]:
        if len(value.strip()) >= VALUE_LENGTH_MIN:
            forms |= _forms_of(value)
    return tuple(sorted(forms, key=lambda form: (-len(form), form)))


def _forms_of(value: str) -> set[str]:
    stripped = value.strip()
    lines = [line.strip() for line in stripped.splitlines()]
    forms = {stripped, value, json.dumps(stripped)[1:-1]}
    forms.add(json.dumps(stripped, ensure_ascii=False)[1:-1])
    if len(lines) > 1:
        long_enough = {line for line in lines if len(line) >= LINE_LENGTH_MIN}
        forms |= {line for line in long_enough if not line.startswith("-----")}
    raw = stripped.encode("utf-8", "surrogatepass")
    forms |= {quote(raw, safe=""), quote(raw), quote_plus(raw)}
    for text in _in_base64(raw):
        forms |= {text, text.replace("+", "-").replace("/", "_")}
    return forms


def _in_base64(raw: bytes) -> Iterable[str]:
    """Write what base64 makes of it, wherever in a longer text it begins ("user:password")."""
    for before in range(3):
        coded = base64.b64encode(bytes(before) + raw).decode().rstrip("=")
        # The first and last characters depend on the neighbours, too.
        start = (0, 2, 3)[before]
        end = len(coded) - ((before + len(raw)) % 3 != 0)
        if end - start >= VALUE_LENGTH_MIN:
            yield coded[start:end]


def mask_text(text: str, forms: Forms = ()) -> str:
    """Hide secrets in a line of text.

    >>> mask_text('asked https://x/?api_key=abc with {"token": "t1"}')
    'asked https://x/?api_key=••• with {"token": •••}'
    """
    for form in forms:
        if form in text:
            text = text.replace(form, MASK)
    lowered = text.lower()  # Names are spelled in many ways: ApiKey, API_KEY.
    for hint in _HINTS:
        if hint in lowered:
            return _mask_spelled(text)
    return text


def _mask_spelled(text: str) -> str:
    text = _HEADER_LINE.sub(rf"\1: {MASK}", text)
    text = _SCHEMES.sub(rf"\1 {MASK}", text)
    return _ASSIGNED.sub(rf"\1{MASK}", text)


def names_secret(name: str) -> bool:
    """Say whether a field's name says that its value is a credential.

    >>> [names_secret(name) for name in ("userPassword", "X-Api-Key", "max_tokens", "keyboard")]
    [True, True, False, False]
    """
    return _names_secret(name[:_NAME_LENGTH])


@lru_cache(maxsize=4096)
def _names_secret(name: str) -> bool:
    words = [word.lower() for word in _CUT.split(name) if word]
    if not words or not _COUNTED.isdisjoint(words):
        return False
    return not _WORDS.isdisjoint(words) or not _PAIRS.isdisjoint(pairwise(words))


def mask_fields(fields: Mapping[str, Any], forms: Forms = ()) -> dict[str, Any]:
    """Hide secrets in an object's members.

    >>> mask_fields({"user": "u1", "password": "x", "to": [{"token": "y", "n": 1}]})
    {'user': 'u1', 'password': '•••', 'to': [{'token': '•••', 'n': 1}]}
    """
    return {
        mask_text(name, forms) if forms else name: _member(name, value, forms, 1)
        for name, value in fields.items()
    }


def mask_value(value: Any, forms: Forms = ()) -> Any:
    """Hide secrets in a JSON value, whatever it is."""
    return _masked(value, forms, 0)


def mask_json(body: bytes, forms: Forms = ()) -> bytes:
    """Hide secrets in a body: member by member if it is JSON, else as text; bytes stay.

    >>> mask_json(b'{"name": "a", "password": "b"}').decode()
    '{"name":"a","password":"•••"}'
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return _mask_bytes(body, forms)
    masked = mask_value(value, forms)
    if masked == value:
        return body  # As it came: nobody's spaces are changed for nothing.
    return json.dumps(masked, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


def mask_headers(headers: Sequence[tuple[bytes, bytes]], forms: Forms = ()) -> Headers:
    """Hide credentials in headers; of cookies the names stay.

    >>> mask_headers([(b"authorization", b"Bearer x"), (b"cookie", b"a=1; b=2")])[1][1].decode()
    'a=•••; b=•••'
    """
    return [(name, _header(name, value, forms)) for name, value in headers]


def mask_query(query: bytes, forms: Forms = ()) -> bytes:
    """Hide credentials in a query string.

    >>> mask_query(b"page=2&token=abc").decode()
    'page=2&token=•••'
    """
    parts = []
    for part in query.split(b"&"):
        name, equals, _ = part.partition(b"=")
        secret = equals and names_secret(name.decode("latin-1"))
        parts.append(name + b"=" + MASK.encode() if secret else _mask_bytes(part, forms))
    return b"&".join(parts)


def _header(name: bytes, value: bytes, forms: Forms) -> bytes:
    if name == b"cookie":
        return b"; ".join(_cookie(part) for part in value.split(b";"))
    if name == b"set-cookie":
        first, semicolon, rest = value.partition(b";")
        return _cookie(first) + semicolon + rest
    if not names_secret(name.decode("latin-1")):
        return _mask_bytes(value, forms)
    scheme, space, _ = value.partition(b" ")
    known = space and scheme.lower() in (b"bearer", b"basic", b"digest")
    return scheme + b" " + MASK.encode() if known else MASK.encode()


def _cookie(part: bytes) -> bytes:
    name, equals, _ = part.strip().partition(b"=")
    return name + b"=" + MASK.encode() if equals else MASK.encode()


def _mask_bytes(data: bytes, forms: Forms) -> bytes:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        # Bytes: what is known is looked for as it is; nothing can be said of names.
        for form in forms:
            data = data.replace(form.encode("utf-8", "surrogatepass"), MASK.encode())
        return data
    return mask_text(text, forms).encode()


def _masked(value: Any, forms: Forms, depth: int) -> Any:
    if isinstance(value, str):
        return mask_text(value, forms)
    if isinstance(value, Mapping):
        if depth >= DEPTH_MAX:
            return MASK
        return {name: _member(str(name), one, forms, depth + 1) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return MASK if depth >= DEPTH_MAX else [_masked(one, forms, depth + 1) for one in value]
    return value


def _member(name: str, value: Any, forms: Forms, depth: int) -> Any:
    if value is None or isinstance(value, bool) or not names_secret(name):
        return _masked(value, forms, depth)
    return MASK
