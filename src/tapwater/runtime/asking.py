"""Numbers for the questions of a call: several threads of it may ask at once."""

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tapwater.runtime.call import Call

_LOCK = threading.Lock()


def next_ask(call: "Call") -> int:
    """Take the next number; it finds the answer."""
    with _LOCK:
        call.asked += 1
        return call.asked
