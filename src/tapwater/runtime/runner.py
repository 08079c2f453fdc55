"""Serve calls over the inherited socket until the platform says stop."""

import signal
import socket
import traceback
from collections.abc import Mapping
from typing import Any

from tapwater.runtime import logs
from tapwater.runtime.blocking import serve_blocking
from tapwater.runtime.conducting import serve_looped
from tapwater.runtime.failing import pack_fail, summary
from tapwater.runtime.freshness import freshen
from tapwater.runtime.hello import HELLO, HELLO_AHEAD
from tapwater.runtime.link import BlockingLink
from tapwater.runtime.loading import Loaded, LoadError, load


def run(sock: socket.socket, loaded: Loaded | None, image: Mapping[str, Any]) -> None:
    """Say HELLO and serve until STOP or the end of the connection.

    With ``loaded`` None the module is imported here, after the fork.
    """
    freshen()
    link = BlockingLink(sock)
    logs.connect(link)
    # The host has something to say to who is in the middle of a call. No other use: it is ignored
    # by who does not know it, and a system call goes on after it.
    signal.signal(signal.SIGURG, lambda *_: link.peek())
    signal.siginterrupt(signal.SIGURG, False)
    one_by_one = (
        loaded is not None and not loaded.program.needs_loop and loaded.program.conduct is None
    )
    link.send(HELLO_AHEAD if one_by_one else HELLO)
    try:
        if loaded is None:
            loaded = load(image)
        for hook in loaded.hooks[1]:
            hook()
    except LoadError as error:
        _refuse(link, str(error).partition("\n")[0], str(error))
        return
    except Exception as error:
        _refuse(link, f"after_fork failed: {summary(error)}", traceback.format_exc())
        return
    serve(link, loaded)


def serve(link: BlockingLink, loaded: Loaded) -> None:
    """Serve in the simplest way that is enough."""
    program = loaded.program
    if program.conduct is not None:
        program.conduct(link)
        return
    if not program.needs_loop:
        serve_blocking(link, program)
        if not link.crowded:
            return
    serve_looped(link, program)


def _refuse(link: BlockingLink, message: str, trace: str) -> None:
    """Say why nothing can be served to the first call that comes; the process then ends."""
    call = link.next_call()
    if call is not None:
        link.send(pack_fail(call.number, "start_failed", message, trace))
