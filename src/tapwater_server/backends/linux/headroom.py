"""What a zygote's group is allowed beyond the function's own limit, for the sake of its instances.

The kernel charges a page to the group of the process that made it. A fork makes page tables, a
kernel stack and, at every page that the zygote writes to afterwards, an old copy that only
the new instance holds: all of that is the zygote's, as long as the instance lives. Without room
for it, a crowd of instances has its zygote killed for want of memory.
"""

from tapwater_server.backends.linux.group import Group
from tapwater_server.model.function import FunctionLimits

STEP = 16  # Instances per change of the ceiling: a change costs some microseconds.
INSTANCE_BYTES = 2 << 20
TABLES_SHARE = 256  # Page tables: one of 4 KiB for 2 MiB, doubled.


class Headroom:
    """Keeps the memory ceiling of one zygote's group above what its instances cost it."""

    __slots__ = ("_each", "_group", "_limit", "_room")

    def __init__(self, group: Group, limits: FunctionLimits) -> None:
        self._group = group
        self._limit = limits.memory_bytes
        self._each = INSTANCE_BYTES + limits.memory_bytes // TABLES_SHARE
        self._room = 0

    def fit(self, instances: int) -> None:
        """There are so many instances now, those being born included."""
        room = -(-instances // STEP) * STEP
        # Down only two steps at a time: what has just ended may not be given back yet.
        if room > self._room or room < self._room - STEP:
            self._room = room
            self._group.allow_memory(self._limit + room * self._each)
