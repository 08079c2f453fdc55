"""What a call brought, taken apart once and only as far as somebody asks."""

import json
from typing import Any

from tapwater.http import Request, User, read_user
from tapwater.problem import Problem, invalid
from tapwater.runtime.call import Call
from tapwater.runtime.multipart import FormFields
from tapwater.runtime.parsing import parse_cookies, parse_form, parse_json, parse_query


class Material:
    """The raw stuff that arguments are made of. ``body`` is the whole body, if anybody reads it."""

    __slots__ = ("_cookies", "_headers", "_json", "_params", "_query", "body", "call", "form_read")

    def __init__(self, call: Call, body: bytes, form: FormFields | None = None) -> None:
        self.call = call
        self.body = body
        self.form_read = form
        self._query: dict[str, list[str]] | None = None
        self._headers: dict[str, list[str]] | None = None
        self._cookies: dict[str, str] | None = None
        self._params: dict[str, str] | None = None
        self._json: Any = _UNREAD

    @property
    def query(self) -> dict[str, list[str]]:
        if self._query is None:
            self._query = parse_query(self.call.invoke.text(4))
        return self._query

    @query.setter
    def query(self, values: dict[str, list[str]]) -> None:
        self._query = values

    def spread(self) -> None:
        """Take the members of a JSON object as the parameters they are named like.

        A function that reads no body can be called with data all the same: ``ctx.call`` and the
        command line know nothing of paths and query strings.
        """
        value = parse_json(self.body) if self.body else None
        if isinstance(value, dict):
            texts = {name: _texts(member) for name, member in value.items()}
            self._query = {**self.query, **texts}
            self._params = {
                **{name: some[-1] for name, some in texts.items() if some},
                **self.params,
            }

    @property
    def headers(self) -> dict[str, list[str]]:
        if self._headers is None:
            self._headers = {}
            for name, value in self.call.invoke.headers:
                self._headers.setdefault(_text(name), []).append(_text(value))
        return self._headers

    @property
    def cookies(self) -> dict[str, str]:
        if self._cookies is None:
            self._cookies = parse_cookies("; ".join(self.headers.get("cookie", ())))
        return self._cookies

    @property
    def params(self) -> dict[str, str]:
        if self._params is None:
            raw = self.call.invoke.text(7)
            self._params = json.loads(raw) if raw else {}
        return self._params

    @property
    def form(self) -> FormFields:
        if self.form_read is None:
            self.form_read = parse_form(self.content_type, self.body)
        return self.form_read

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", [""])[-1]

    @property
    def json(self) -> Any:
        """The body as JSON.

        Raises:
            Problem: 415 or 422, it is none.
        """
        if self._json is _UNREAD:
            self.check_json()
            self._json = parse_json(self.body)
        return self._json

    def check_json(self) -> None:
        """Refuse a body that says it is something else.

        A form of another site can be sent with a visitor's cookies; JSON, by this check, cannot.

        Raises:
            Problem: 415.
        """
        kind = self.content_type.partition(";")[0].strip().lower()
        if not kind or kind == "application/json" or kind.endswith("+json"):
            return
        if not self.body:
            raise invalid("body", "is missing")
        raise Problem(
            415, f"This wants JSON: send it as content-type: application/json, not {kind}."
        )

    @property
    def user(self) -> User | None:
        return read_user(self.call.invoke.text(8))

    def request(self) -> Request:
        invoke = self.call.invoke
        return Request(
            invoke.method.decode("latin-1"),
            _text(invoke.text(2)),
            query=_text(invoke.text(4)),
            headers=[(_text(name), _text(value)) for name, value in invoke.headers],
            body=self.body,
            params=self.params,
            user=self.user,
            client=_text(invoke.text(6)),
            scheme=_text(invoke.text(5)),
            root_path=_text(invoke.text(3)),
        )


_UNREAD: Any = object()


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, list):
        return [text for entry in value for text in _texts(entry)]
    return [value if isinstance(value, str) else json.dumps(value)]


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
