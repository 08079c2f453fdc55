"""Doing something once, whatever comes twice: ``with ctx.once(key) as first``."""

import asyncio
import contextlib
from types import TracebackType
from typing import Any

from tapwater.services.speaking import ask_json
from tapwater.services.transport import ServiceError, Transport


class OnceBusy(Exception):
    """Somebody else is inside the block of this key now: raise it on, and be told again later."""


class Once:
    """A block for one key. Ends well: the key is done, and nobody is first for as long as
    ``keep``. Raises: the key is free again. Dies: it is free when ``lease`` seconds are over.

    Works with ``with`` and with ``async with``.
    """

    def __init__(
        self,
        transport: Transport,
        key: str,
        *,
        lease: float = 900.0,
        keep: float = 86_400.0,
        scope: str = "",
    ) -> None:
        if not key:
            raise ValueError("once needs a key: what must not be done twice")
        self._transport, self._key, self._scope = transport, key, scope
        self._lease, self._keep = lease, keep
        self._token = ""

    def __enter__(self) -> bool:
        """True: you are the first, do it. False: it has been done.

        Raises:
            OnceBusy: somebody is doing it now.
        """
        said = self._ask("begin", lease_s=self._lease)
        if said["state"] == "busy":
            raise OnceBusy(f"{self._key!r} is being done by somebody else now")
        self._token = said["token"]
        return bool(said["state"] == "first")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._token:
            return
        token, self._token = self._token, ""
        if error is None:
            self._ask("commit", token=token, keep_s=self._keep)
            return
        # The lease ends by itself; what went wrong inside matters more.
        with contextlib.suppress(ServiceError):
            self._ask("release", token=token)

    async def __aenter__(self) -> bool:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, trace)

    def _ask(self, what: str, **more: Any) -> Any:
        said = {"key": self._key, "scope": self._scope, **more}
        return ask_json(self._transport, "POST", f"/once/{what}", said)
