"""Names to addresses, asked on the host's side, in threads of our own.

Not in the loop's default executor: functions that ask for names that take long to fail must not
be able to use up threads that somebody else waits for.
"""

import asyncio
import ipaddress
import socket
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tapwater_server.backends.linux.egress_plan import Address
from tapwater_server.ports.clock import Clock

THREADS_MAX = 8
WAITING_MAX = 256
KEPT_MAX = 2048
KEPT_S = 5.0  # Short: whoever moves a service counts on its time to live.
ADDRESSES_MAX = 16
_ABSENT = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


Lookup = Callable[[str], Sequence[Address]]


class NoSuchName(Exception):
    """The name has no address."""


class NamesBusy(Exception):
    """No answer now: the resolver failed, or too many are waiting for it."""


@dataclass(frozen=True, slots=True)
class _Kept:
    until: float
    addresses: tuple[Address, ...]


class Names:
    """One resolver for all functions: what one has asked, the others need not ask again."""

    def __init__(self, *, clock: Clock, lookup: Lookup) -> None:
        self._clock = clock
        self._lookup = lookup
        self._threads = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="tapwater-names")
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._asking: dict[str, asyncio.Future[tuple[Address, ...]]] = {}

    async def resolve(self, name: str) -> tuple[Address, ...]:
        """Give the addresses of a name, best first.

        Raises:
            NoSuchName: there is none.
            NamesBusy: nobody knows at the moment.
        """
        kept = self._kept.get(name)
        if kept is not None and kept.until > self._clock.monotonic():
            return kept.addresses
        asking = self._asking.get(name)
        if asking is None:
            if len(self._asking) >= WAITING_MAX:
                raise NamesBusy("too many names are being asked for")
            asking = asyncio.ensure_future(self._ask(name))
            self._asking[name] = asking
            asking.add_done_callback(lambda done: self._asked(name, done))
        # Shielded: whoever asked first may go away, the others still want to know.
        return await asyncio.shield(asking)

    async def _ask(self, name: str) -> tuple[Address, ...]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._threads, self._lookup, name)
        except socket.gaierror as error:
            if error.errno in _ABSENT:
                raise NoSuchName(name) from error
            raise NamesBusy(error.strerror or str(error)) from error
        except (UnicodeError, ValueError) as error:
            raise NoSuchName(name) from error
        return tuple(dict.fromkeys(found))[:ADDRESSES_MAX]

    def _asked(self, name: str, done: "asyncio.Future[tuple[Address, ...]]") -> None:
        self._asking.pop(name, None)
        if done.cancelled() or done.exception() is not None:
            return
        self._kept[name] = _Kept(self._clock.monotonic() + KEPT_S, done.result())
        self._kept.move_to_end(name)
        while len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)

    async def close(self) -> None:
        """Stop asking. A thread in the middle of a question ends by itself."""
        for asking in list(self._asking.values()):
            asking.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)


def lookup(name: str) -> Sequence[Address]:
    """Ask this machine's own resolver. Blocks; raises socket.gaierror."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    # A link-local address comes with a zone (fe80::1%eth0), which is the node's affair.
    return [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
