"""Cross-origin requests, answered from the app's settings so that functions need not. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tapwater_server.model.invocation import Headers

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
MAX_AGE_S = 600
_SERVICES_EXPOSED = b"etag, content-range, accept-ranges, location, retry-after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cors:
    """Who may call from a page of another origin, and how."""

    origins: frozenset[bytes]  # b"*": any
    methods: bytes
    headers: bytes  # b"": those that are asked for
    exposed: bytes
    credentials: bool
    max_age_s: int

    def allows(self, origin: bytes) -> bool:
        """Say whether a page of ``origin`` may call."""
        return b"*" in self.origins or origin in self.origins

    def answer_headers(self, origin: bytes) -> Headers:
        """What an answer to a page of ``origin`` carries. Never ``*`` beside credentials."""
        if not self.allows(origin):
            return [(b"vary", b"origin")]
        anyone = b"*" in self.origins and not self.credentials
        said: Headers = [(b"access-control-allow-origin", b"*" if anyone else origin)]
        if not anyone:
            said.append((b"vary", b"origin"))
        if self.credentials:
            said.append((b"access-control-allow-credentials", b"true"))
        if self.exposed:
            said.append((b"access-control-expose-headers", self.exposed))
        return said

    def preflight_headers(self, origin: bytes, asked: bytes) -> Headers:
        """What the answer to a preflight carries. ``asked``: the headers the page wants to send."""
        said = [pair for pair in self.answer_headers(origin) if b"expose" not in pair[0]]
        if self.allows(origin):
            said.append((b"access-control-allow-methods", self.methods))
            allowed = self.headers or asked
            if allowed:
                said.append((b"access-control-allow-headers", allowed))
            said.append((b"access-control-max-age", b"%d" % self.max_age_s))
        return said


def read_cors(settings: Mapping[str, Any] | bool | None) -> Cors | None:
    """Read ``cors`` of an app's settings: origins, methods, headers, expose, credentials, max_age.

    >>> read_cors({"origins": ["https://shop.example"]}).allows(b"https://shop.example")
    True
    >>> read_cors(None) is None
    True
    """
    if settings is None or settings is False:
        return None
    given: Mapping[str, Any] = {"origins": ["*"]} if settings is True else settings
    headers = _joined(given.get("headers", ()))
    return Cors(
        origins=frozenset(_texts(given.get("origins", ()))),
        methods=_joined(given.get("methods", _METHODS)).upper(),
        headers=b"" if headers == b"*" else headers,
        exposed=_joined(given.get("expose", ())),
        credentials=bool(given.get("credentials", False)),
        max_age_s=int(given.get("max_age", MAX_AGE_S)),
    )


def for_services(cors: Cors) -> Cors:
    """The same for an app's services: a page must be able to read what they say in headers."""
    if not cors.credentials:
        return replace(cors, exposed=b"*")
    return replace(cors, exposed=b", ".join(filter(None, (cors.exposed, _SERVICES_EXPOSED))))


def _texts(values: str | Sequence[str]) -> list[bytes]:
    listed = [values] if isinstance(values, str) else values
    return [value.rstrip("/").encode("ascii", "ignore") for value in listed]


def _joined(values: str | Sequence[str]) -> bytes:
    joined = b", ".join(_texts(values))
    return joined.replace(b"\r", b"").replace(b"\n", b"")
