"""Requests, responses and files, as handlers see them. Plain values: build them in a test."""

import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import quote

from tapwater.file import File
from tapwater.headers import Headers, encoded
from tapwater.runtime import parsing
from tapwater.runtime.multipart import FormFields


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Who is signed in. ``claims`` is what the app keeps of them; of a holder of a platform token
    it is what that token may do.
    """

    id: str
    name: str = ""
    email: str = ""
    email_verified: bool = False
    roles: tuple[str, ...] = ()
    claims: Mapping[str, Any] = field(default_factory=dict)


def read_user(raw: bytes) -> User | None:
    """Read the user the gateway let in, None for nobody."""
    said = json.loads(raw) if raw else None
    if not isinstance(said, dict):
        return None
    name = str(said.get("name", ""))
    roles, claims = said.get("roles", ()), said.get("claims")
    return User(
        id=str(said.get("id") or said.get("sub") or name),
        name=name,
        email=str(said.get("email", "")),
        email_verified=said.get("email_verified") is True,
        roles=tuple(str(role) for role in roles) if isinstance(roles, list) else (),
        claims=claims if isinstance(claims, dict) else said,
    )


class Request:
    """What came in over HTTP."""

    __slots__ = (
        "_form",
        "body",
        "client",
        "headers",
        "method",
        "params",
        "path",
        "query_string",
        "root_path",
        "scheme",
        "user",
    )

    def __init__(
        self,
        method: str = "GET",
        path: str = "/",
        *,
        query: str = "",
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        params: Mapping[str, str] | None = None,
        user: User | None = None,
        client: str = "",
        scheme: str = "http",
        root_path: str = "",
    ) -> None:
        self.method = method
        self.path = path
        self.query_string = query
        self.headers = Headers(headers.items() if isinstance(headers, Mapping) else headers)
        self.body = body
        self.params = dict(params or {})
        self.user = user
        self.client = client
        self.scheme = scheme
        self.root_path = root_path
        self._form: FormFields | None = None

    @property
    def query(self) -> dict[str, str]:
        """The query string's parameters; of a repeated one, the last."""
        return {name: values[-1] for name, values in self.query_all.items()}

    @property
    def query_all(self) -> dict[str, list[str]]:
        """The query string's parameters with all their values."""
        return parsing.parse_query(self.query_string.encode("utf-8", "surrogateescape"))

    @property
    def cookies(self) -> dict[str, str]:
        return parsing.parse_cookies(self.headers.get("cookie", ""))

    @property
    def text(self) -> str:
        """The body as text in UTF-8; what is none becomes U+FFFD."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            Problem: 422, it is none.
        """
        return parsing.parse_json(self.body)

    def form(self) -> dict[str, str | File]:
        """The fields and files of a submitted form; of a repeated one, the last.

        Raises:
            Problem: 415 or 422, it is none.
        """
        if self._form is None:
            self._form = parsing.parse_form(self.headers.get("content-type", ""), self.body)
        return {name: values[-1] for name, values in self._form.items()}


class Stream:
    """A request's body as it comes in: ``for piece in body``, in async handlers ``async for``."""

    __slots__ = ("_pieces",)

    def __init__(self, pieces: Iterable[bytes] | AsyncIterator[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        if isinstance(self._pieces, AsyncIterator):
            raise TypeError("in an async handler, write: async for piece in body")
        return iter(self._pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if isinstance(self._pieces, AsyncIterator):
            async for piece in self._pieces:
                yield piece
        else:
            for piece in self._pieces:
                yield piece


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSentEvent:
    """One event of a ``text/event-stream``. ``data`` that is no text is sent as JSON."""

    data: Any = None
    event: str = ""
    id: str = ""
    retry_ms: int | None = None


class Response:
    """An answer with everything said: body, status, headers.

    The body may be all that a handler may return, generators too.
    """

    __slots__ = ("body", "headers", "sent_events", "status")

    def __init__(
        self,
        body: Any = None,
        status: int = 200,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        *,
        content_type: str = "",
    ) -> None:
        if not 100 <= status <= 599:
            raise ValueError(f"a Response has a status from 100 to 599, not {status}")
        self.body = body
        self.status = status
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        self.headers = encoded(pairs)
        self.sent_events = False
        if content_type:
            self.headers += encoded([("content-type", content_type)])

    @classmethod
    def html(cls, text: str, status: int = 200) -> "Response":
        """A page."""
        return cls(text, status, content_type="text/html; charset=utf-8")

    @classmethod
    def redirect(cls, url: str, status: int = 303) -> "Response":
        """Send the client elsewhere."""
        return cls(None, status, {"location": quote(url, safe=":/?#[]@!$&'()*+,;=%~-._")})

    @classmethod
    def sse(cls, events: Iterable[Any] | AsyncIterator[Any], status: int = 200) -> "Response":
        """Server-sent events: each item is a ``ServerSentEvent`` or becomes the data of one."""
        response = cls(events, status)
        response.sent_events = True
        return response

    def cookie(
        self,
        name: str,
        value: str,
        *,
        max_age: int | None = None,
        path: str = "/",
        domain: str = "",
        secure: bool = True,
        http_only: bool = True,
        same_site: str = "Lax",
    ) -> "Response":
        """Set a cookie; ``max_age=0`` removes it. Gives the response back."""
        jar: SimpleCookie = SimpleCookie()
        jar[name] = value
        morsel = jar[name]
        morsel.update({"path": path, "domain": domain, "samesite": same_site})
        morsel["secure"], morsel["httponly"] = secure, http_only
        if max_age is not None:
            morsel["max-age"] = str(max_age)
        self.headers += encoded([("set-cookie", morsel.OutputString())])
        return self
