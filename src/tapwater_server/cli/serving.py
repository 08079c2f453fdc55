"""Runs the platform in this process, and tells other commands where it is."""

import errno
import gc
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tapwater_server.cli.failures import CommandFailed
from tapwater_server.cli.places import forget_serving, write_serving

if TYPE_CHECKING:
    from tapwater_server.assembly.node import Ready
    from tapwater_server.assembly.settings import Settings

PORTS_TRIED_MAX = 20
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
_REFUSED = (errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL)


async def serve(settings: "Settings", *, ready: Callable[["Ready"], None]) -> None:
    """Serve until stopped; ``ready`` is told once.

    Raises:
        CommandFailed: the port cannot be had, or a file of the data directory.
    """
    gc.disable()  # What starting makes stays; to look at it again and again costs 60 ms of a start.
    from tapwater_server.assembly import node

    announced: list[Path] = []

    def announce(begun: "Ready") -> None:
        write_serving(begun.data, begun.url)
        announced.append(begun.data)
        ready(begun)
        gc.freeze()
        gc.enable()

    try:
        await node.serve(settings, ready=announce)
    except OSError as error:
        if announced:
            raise
        if error.filename is not None or error.errno in _NO_ROOM:
            raise CommandFailed(
                f"the data directory {settings.data} cannot be used: {error}",
                code="settings",
                hint="Is there room, and may this user read and write it and all that is in it?",
            ) from error
        if error.errno not in _REFUSED:
            raise
        raise CommandFailed(
            f"{settings.host}:{settings.port} cannot be listened on: {error.strerror or error}",
            code="port",
            hint="Another server may be there (`tapwater ls`); choose another door with --port.",
        ) from error
    finally:
        gc.enable()
        # Never another process' word: who could not start has left none.
        for data in announced:
            forget_serving(data)


def free_port(host: str, wanted: int) -> int:
    """Give ``wanted``, or the next port nobody listens on.

    Raises:
        CommandFailed: none of the next ones is free.
    """
    for port in range(wanted, wanted + PORTS_TRIED_MAX):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno not in _REFUSED:
                    raise
                continue
            return port
    raise CommandFailed(
        f"none of the ports {wanted} to {wanted + PORTS_TRIED_MAX - 1} is free",
        code="port",
        hint="Choose one with --port.",
    )
