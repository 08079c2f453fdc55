"""Chains of calls and events, as they pass through a function and come back in its requests. Pure.

A function's clients of AWS send on what ``_X_AMZN_TRACE_ID`` says (as they do for Lambda's own
recursion guard): there we write where in a chain the function stands.
"""

import re

from tapwater_server.clouds.aws.asked import AwsAsked
from tapwater_server.clouds.aws.post.parcels import Chain

_LINEAGE = re.compile(r"(?:^|;)\s*Lineage=1:([A-Za-z0-9._-]{1,128}):(\d{1,4})(?:;|$)")


def with_lineage(trace: str, *, root: str, depth: int) -> str:
    """Add to the value of an X-Amzn-Trace-Id where the one who is told of it stands.

    >>> with_lineage("Root=1-2-3", root="a", depth=2)
    'Root=1-2-3;Lineage=1:a:2'
    """
    said = f"Lineage=1:{root}:{depth}"
    return f"{trace};{said}" if trace else said


def read_lineage(trace: str) -> tuple[str, int]:
    """Give root and depth of what a function does that was told this; ("", 0): it is a start.

    >>> read_lineage("Root=1-2-3;Lineage=1:a:2")
    ('a', 3)
    """
    found = _LINEAGE.search(trace)
    return (found[1], int(found[2]) + 1) if found is not None else ("", 0)


def chain_of(asked: AwsAsked) -> Chain:
    """Continue the chain of who asks."""
    root, depth = read_lineage(asked.headers.get("x-amzn-trace-id", ""))
    return Chain(root=root, depth=depth, trace=asked.trace)
