"""One request to an API, from a socket or from a running function: the parts handlers read."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from tapwater_server.model.errors import Invalid, NotAllowed, TooLarge
from tapwater_server.model.ids import AppId
from tapwater_server.model.invocation import Invocation
from tapwater_server.model.principal import Principal

BODY_BYTES_MAX = 8 << 20  # Of a JSON body; what is larger is streamed.
T = TypeVar("T")


def _go_on() -> None:
    """Nobody can tell that the client has gone."""


async def in_one(body: bytes) -> AsyncIterator[bytes]:
    """Give a body that is there as one piece; an empty one as none."""
    if body:
        yield body


@dataclass(slots=True, kw_only=True)
class Asked:
    """One request about one app. ``who`` is known and checked to be somebody of that app."""

    app: AppId
    who: Principal
    method: str
    path: str  # below the app: "/docs/users/42"
    params: Mapping[str, str] = field(default_factory=dict)  # the parts of the path
    query: Mapping[str, str] = field(default_factory=dict)  # the last one of each name
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case
    chunks: Callable[[], AsyncIterator[bytes]]  # the body; to be read once
    whole: bytes | None = None  # the same, where all of it has come already
    client: str = ""  # address of who asks
    base_url: str = ""  # scheme and host the client used: "https://shop.example"
    base_known: bool = False  # it leads to the app; else it is only what the client says
    root: str = "/_/v1"  # what stands before ``path`` in the address the client used
    caller: Invocation | None = None  # the call that asks, if a function does
    used: dict[str, float] = field(default_factory=dict)  # quantities of model/usage.py
    bytes_out: str = "api_bytes_out"  # the quantity that the answer's bytes are
    trace: str = ""  # W3C traceparent of this step: what follows from it names it as its cause
    end_with_client: Callable[[], None] = _go_on  # from now on: cancelled when the client goes

    def count(self, quantity: str, amount: float = 1) -> None:
        """Note that this request used so much of what has a price (``model/usage.py``)."""
        self.used[quantity] = self.used.get(quantity, 0) + amount

    def text(self, name: str) -> str | None:
        """Take a parameter of the query; empty counts as absent."""
        return self.query.get(name) or None

    def flag(self, name: str, *, default: bool) -> bool:
        said = self.text(name)
        if said is None:
            return default
        if said.lower() not in {"true", "false", "1", "0"}:
            raise Invalid(f"{name} must be true or false")
        return said.lower() in {"true", "1"}

    def number(self, name: str, *, low: float, high: float) -> float | None:
        said = self.text(name)
        if said is None:
            return None
        try:
            value = float(said)
        except ValueError:
            raise Invalid(f"{name} must be a number") from None
        if not low <= value <= high:
            raise Invalid(f"{name} must be from {low:g} to {high:g}")
        return value

    async def raw(self, *, bytes_max: int = BODY_BYTES_MAX) -> bytes:
        """Read the whole body.

        Raises:
            TooLarge: it has more than ``bytes_max`` bytes.
        """
        if self.whole is not None:
            if len(self.whole) > bytes_max:
                raise TooLarge(f"the body has more than {bytes_max} bytes")
            return self.whole
        parts = bytearray()
        async for part in self.chunks():
            parts += part
            if len(parts) > bytes_max:
                raise TooLarge(f"the body has more than {bytes_max} bytes")
        return bytes(parts)

    async def body(self, kind: type[T], *, bytes_max: int = BODY_BYTES_MAX) -> T:
        """Read the JSON body into a shape.

        Raises:
            Invalid: it does not fit; the message names the place.
            TooLarge: it has more than ``bytes_max`` bytes.
        """
        raw = await self.raw(bytes_max=bytes_max)
        try:
            return msgspec.json.decode(raw or b"{}", type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Invalid(f"the body cannot be understood: {error}") from None

    def require_trust(self) -> None:
        """Refuse everyone whom the app's rules bind.

        Raises:
            NotAllowed: it is one of them.
        """
        if not self.who.is_trusted(self.app):
            raise NotAllowed("this needs a token for the app, or a function of it")
