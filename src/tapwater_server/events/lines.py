"""How many deliveries each line may begin now: fair between lines, bounded for each and in all.
Pure, but that it remembers whose turn it is.
"""

from collections.abc import Mapping, Sequence

LEASE_MAX = 64  # At a time from one line: then others have their turn.


def share(
    lines: Sequence[str], rooms: Mapping[str, int], *, room: int, first: int
) -> dict[str, int]:
    """Share ``room`` seats out among lines, one each in turn, beginning with the ``first``.

    No line gets more than its own room; what one does not need, the others have.

    >>> share(["a", "b", "c"], {"a": 9, "b": 1, "c": 9}, room=6, first=0)
    {'a': 3, 'b': 1, 'c': 2}
    >>> share(["a", "b"], {"a": 5, "b": 5}, room=1, first=1)
    {'b': 1}
    """
    start = first % len(lines) if lines else 0
    order = [*lines[start:], *lines[:start]]
    wanted = {line: min(rooms.get(line, 0), LEASE_MAX) for line in order}
    given: dict[str, int] = {}
    open_lines = [line for line in order if wanted[line] > 0]
    while room > 0 and open_lines:
        each = max(1, room // len(open_lines))
        for line in open_lines:
            count = min(each, wanted[line] - given.get(line, 0), room)
            given[line] = given.get(line, 0) + count
            room -= count
            if not room:
                break
        open_lines = [line for line in open_lines if given.get(line, 0) < wanted[line]]
    return {line: count for line, count in given.items() if count}
