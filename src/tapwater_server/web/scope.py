"""What of an ASGI scope the APIs read, and what the door adds to it. Pure."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, TypedDict
from urllib.parse import parse_qsl

from tapwater_server.model.errors import Invalid

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

DOOR = "tapwater"  # The scope's key for what only our own door knows.
QUERY_PARAMETERS_MAX = 200


class Door(TypedDict, total=False):
    """What the door adds: whose host was asked, and a way to hear that the client has gone."""

    app: str  # "": the bare host without a default app
    on_gone: Callable[[Callable[[], object]], None]
    whole: bytes  # the request's body, if all of it has come already
    say: Callable[[int, Sequence[tuple[bytes, bytes]], bytes], None]  # an answer in one piece


def headers_of(scope: Scope) -> dict[str, str]:
    """Give the headers by name (in lower case, says ASGI); one that comes twice is joined."""
    said = scope["headers"]
    found = {name.decode("latin-1"): value.decode("latin-1") for name, value in said}
    return found if len(found) == len(said) else _joined(said)


def _joined(said: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for raw_name, raw_value in said:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def query_of(raw: str) -> Mapping[str, str]:
    """Read a query string; the last of each name counts.

    >>> query_of("a=1&a=2&b=")
    {'a': '2', 'b': ''}

    Raises:
        Invalid: there are more than ``QUERY_PARAMETERS_MAX``.
    """
    if not raw:
        return {}
    try:
        return dict(
            parse_qsl(
                raw, keep_blank_values=True, max_num_fields=QUERY_PARAMETERS_MAX, errors="strict"
            )
        )
    except ValueError:
        raise Invalid(
            f"the query is not UTF-8, or has more than {QUERY_PARAMETERS_MAX} parameters"
        ) from None


def raw_path(scope: Scope) -> str:
    """Give the path as it was sent, without the query."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.partition(b"?")[0].decode("latin-1")


async def pieces(receive: Receive) -> AsyncIterator[bytes]:
    """Read a request's body as it comes.

    Raises:
        ConnectionResetError: the client went away before its end.
    """
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError("the client has gone")
        more = message.get("more_body", False)
        if data := bytes(message.get("body", b"")):
            yield data
