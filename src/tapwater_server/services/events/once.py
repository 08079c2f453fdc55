"""The API of what is done once: /once/begin, commit and release."""

from collections.abc import Sequence

from tapwater_server.model.errors import Conflict, Invalid
from tapwater_server.ports.once import Already, Busy, First, Once
from tapwater_server.services.events.shapes import OnceAsked, OnceBegun
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Endpoint

KEY_CHARS_MAX = 512
LEASE_S_MAX = 24 * 3600.0
KEEP_S_MAX = 30 * 24 * 3600.0


class OnceApi:
    """Translates; the port decides."""

    def __init__(self, *, once: Once) -> None:
        self._once = once

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="POST",
                path="/once/begin",
                says="Ask to be the first with a key: first, done or busy.",
                handler=self._begin,
                takes=OnceAsked,
                gives=OnceBegun,
            ),
            Endpoint(
                method="POST",
                path="/once/commit",
                says="It has been done: nobody is first with this key for keep_s seconds.",
                handler=self._commit,
                takes=OnceAsked,
                status=204,
            ),
            Endpoint(
                method="POST",
                path="/once/release",
                says="It has not been done: the next one who asks is the first.",
                handler=self._release,
                takes=OnceAsked,
                status=204,
            ),
        )

    async def _begin(self, asked: Asked) -> OnceBegun:
        said = await _read(asked)
        if not 0 < said.lease_s <= LEASE_S_MAX:
            raise Invalid(f"lease_s is more than 0 and at most {LEASE_S_MAX:.0f}")
        begun = await self._once.begin(asked.app, said.scope, said.key, lease_s=said.lease_s)
        match begun:
            case First(token):
                return OnceBegun(state="first", token=token)
            case Busy(until):
                return OnceBegun(state="busy", until=until)
            case Already():
                return OnceBegun(state="done")

    async def _commit(self, asked: Asked) -> None:
        said = await _read(asked)
        if not 0 < said.keep_s <= KEEP_S_MAX:
            raise Invalid(f"keep_s is more than 0 and at most {KEEP_S_MAX:.0f}")
        if not await self._once.commit(
            asked.app, said.scope, said.key, said.token, keep_s=said.keep_s
        ):
            raise Conflict("the lease of this key ended before: somebody else may have been first")

    async def _release(self, asked: Asked) -> None:
        said = await _read(asked)
        await self._once.release(asked.app, said.scope, said.key, said.token)


async def _read(asked: Asked) -> OnceAsked:
    said = await asked.body(OnceAsked)
    if not 0 < len(said.key) <= KEY_CHARS_MAX or len(said.scope) > KEY_CHARS_MAX:
        raise Invalid(f"a key has 1 to {KEY_CHARS_MAX} characters")
    return said
