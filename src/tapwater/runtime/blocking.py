"""Serve one call after the other, reading and writing the socket directly: the fastest way."""

from tapwater.runtime.link import BlockingLink
from tapwater.runtime.logs import SINK
from tapwater.runtime.program import Program
from tapwater.runtime.serving import serve_call
from tapwater.runtime.wsgi import serve_wsgi


def serve_blocking(link: BlockingLink, program: Program) -> None:
    """Serve until there are no more calls, or several at a time."""
    serve = program.serve or (serve_wsgi if program.style == "wsgi" else serve_call)
    while not link.crowded:
        call = link.next_call()
        if call is None:
            return
        if not link.has(call):
            continue
        SINK.serial = link.current = call
        serve(program, call)
        if SINK.partial:
            SINK.finish(call)
        SINK.serial = link.current = None
