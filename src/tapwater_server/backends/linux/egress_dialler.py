"""Connecting to where a function wants to go, if it may."""

import asyncio
import errno
import ipaddress
import os
import socket
from collections.abc import Callable, Sequence

from tapwater_server.backends.linux.egress_door import Wanted
from tapwater_server.backends.linux.egress_names import Names, NamesBusy, NoSuchName
from tapwater_server.backends.linux.egress_plan import Address, Kind, Target
from tapwater_server.model.errors import NotAllowed

CONNECT_S_MAX = 10.0
CONNECT_ONE_S_MAX = 4.0  # When a name has several addresses.
_LOOPBACKS = (ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1"))

Refusal = Callable[[Address, Target], str]  # Why not; empty: fine.


class DialFailed(Exception):
    """It might go, but it did not: no such name, nobody there, no answer in time."""


class Dialler:
    """Resolves, asks the policy about what came out, and connects to exactly that."""

    def __init__(self, *, names: Names, refusal: Refusal) -> None:
        self._names = names
        self._refusal = refusal

    async def dial(self, wanted: Wanted) -> socket.socket:
        """Give a connected socket.

        Raises:
            NotAllowed: the policy refuses every address it has.
            DialFailed: nobody could be reached.
        """
        try:
            async with asyncio.timeout(CONNECT_S_MAX):
                addresses = self._allowed(wanted, await self._addresses(wanted))
                return await _first(addresses, wanted.port)
        except TimeoutError as error:
            raise DialFailed(f"no answer within {CONNECT_S_MAX:.0f} s") from error
        except NoSuchName as error:
            raise DialFailed("there is no such name") from error
        except NamesBusy as error:
            raise DialFailed(f"the name cannot be looked up now ({error})") from error
        except OSError as error:
            # The loop puts the address into strerror; the plain reason is wanted.
            raise DialFailed(os.strerror(error.errno or 0)) from error

    async def _addresses(self, wanted: Wanted) -> Sequence[Address]:
        if wanted.address is not None:
            return (wanted.address,)
        if wanted.target.kind is Kind.ADDRESS:
            if wanted.host == "localhost":
                return _LOOPBACKS
            return (ipaddress.ip_address(wanted.host),)
        return await self._names.resolve(wanted.host)

    def _allowed(self, wanted: Wanted, addresses: Sequence[Address]) -> Sequence[Address]:
        reasons = {address: self._refusal(address, wanted.target) for address in addresses}
        allowed = [address for address, why in reasons.items() if not why]
        if not allowed:
            raise NotAllowed(next(iter(reasons.values()), "the name has no address"))
        return allowed


async def _first(addresses: Sequence[Address], port: int) -> socket.socket:
    """Connect to the first that answers; they are few and sorted by the resolver."""
    last: Exception = OSError(errno.EHOSTUNREACH, "the name has no address")
    for address in addresses:
        try:
            async with asyncio.timeout(CONNECT_ONE_S_MAX):
                return await _connected(address, port)
        except (OSError, TimeoutError) as error:
            last = error
    raise last


async def _connected(address: Address, port: int) -> socket.socket:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        # A peer that vanished without a word is noticed, and its seat is free again.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        await asyncio.get_running_loop().sock_connect(sock, (str(address), port))
    except BaseException:
        sock.close()
        raise
    return sock
