"""What broke by a mistake of ours is given back, but not for ever. Pure, but for its count."""

from collections import OrderedDict

from tapwater_server.ports.bus import Dead, Returned, Settlement

BREAKS_MAX = 12  # After so many it is a dead letter: about half an hour.
WAIT_S_MAX = 300.0
KEPT_MAX = 10_000  # Counts kept; the one not asked for longest is forgotten first.


class Breaks:
    """How often each delivery broke. It is no fault of the function's, and uses no attempt."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, int] = OrderedDict()

    def judge(self, id: str) -> Settlement:
        """Count one more, and say what to do.

        >>> Breaks().judge("a")
        Returned(delay_s=1.0)
        """
        count = self._counts.pop(id, 0) + 1
        if count >= BREAKS_MAX:
            return Dead(reason=f"a mistake of the platform's: it broke {count} times; see its log")
        self._counts[id] = count
        while len(self._counts) > KEPT_MAX:
            self._counts.popitem(last=False)
        return Returned(delay_s=min(2.0 ** (count - 1), WAIT_S_MAX))
