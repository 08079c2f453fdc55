"""The first frame of a connection."""

import json
from typing import Any

from tapwater.runtime import wire
from tapwater.runtime.manifest import GUEST_VERSION


def pack_hello(**more: Any) -> bytes:
    """HELLO, with the wire's version."""
    body = {"wire": wire.VERSION, "guest": GUEST_VERSION, **more}
    return wire.pack(wire.Kind.HELLO, 0, json.dumps(body).encode())


# Made once, in the base zygote.
HELLO = pack_hello()
HELLO_AHEAD = pack_hello(ahead=True)  # It takes the next call while one runs; it begins it after.
