"""The step of a trace that a question to a service is: its name, and what it belongs to."""

from typing import Any

from tapwater_server.model.errors import TapwaterError
from tapwater_server.model.trace import read_traceparent, trace_of
from tapwater_server.ports.tracing import Step, Tracer
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Endpoint

# Whose paths are names of the user's data, and worth reading. Elsewhere a path may hold what opens
# something (a session's key in the cache), and the pattern is shown instead.
_NAMING = frozenset({"docs", "blobs", "queues", "topics", "schedules", "events"})


async def handle(tracer: Tracer, endpoint: Endpoint, asked: Asked) -> Any:
    """Let the endpoint answer, and note how long that took.

    Raises:
        Exception: whatever the handler raises.
    """
    step = _begin(tracer, endpoint, asked)
    if step is None:
        return await endpoint.handler(asked)
    asked.trace = step.traceparent.decode("ascii")
    facts = {"route": f"{endpoint.method} {endpoint.path}"}
    try:
        given = await endpoint.handler(asked)
    except BaseException as error:
        code = error.code if isinstance(error, TapwaterError) else type(error).__name__
        step.end(ok=False, facts={**facts, "error": code})
        raise
    step.end(facts=facts)
    return given


def step_name(endpoint: Endpoint, asked: Asked) -> str:
    """Name it: "docs.put users/42", "docs.commit", "cache.get {key:path}"."""
    path = asked.path if endpoint.path.split("/", 2)[1] in _NAMING else endpoint.path
    service, _, below = path.lstrip("/").partition("/")
    service, _, verb = service.partition("-")  # What is no place is named by what it does.
    return f"{service}.{verb or asked.method.lower()} {below}".rstrip()


def _begin(tracer: Tracer, endpoint: Endpoint, asked: Asked) -> Step | None:
    """A browser that only reads, and is part of no trace, is not followed."""
    parent, caller = read_traceparent(asked.headers.get("traceparent")), asked.caller
    if caller is None and not parent and asked.method in ("GET", "HEAD"):
        return None
    if caller is not None and trace_of(parent) != trace_of(caller.traceparent):
        parent = b""  # A function may name a step of its own, not a trace of somebody else's.
    return tracer.begin(
        step_name(endpoint, asked), "ask", app=asked.app, parent=parent, caller=caller
    )
