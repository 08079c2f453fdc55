"""Which messages of a batch failed, given what the function answered. Pure."""

import json
from collections.abc import Sequence

_SUCCESS = ("null", '""', "{}", "")


def failed_of(answer: bytes, ids: Sequence[str]) -> frozenset[str]:
    """Read which ones a function reports as failed. What makes no sense means all of them.

    >>> sorted(failed_of(b'{"batchItemFailures": [{"itemIdentifier": "b"}]}', ["a", "b"]))
    ['b']
    >>> failed_of(b"null", ["a", "b"])
    frozenset()
    >>> sorted(failed_of(b'{"batchItemFailures": [{"id": "b"}]}', ["a", "b"]))
    ['a', 'b']
    """
    everything = frozenset(ids)
    if answer.decode("utf-8", "replace").strip() in _SUCCESS:
        return frozenset()
    try:
        said = json.loads(answer)
    except (ValueError, RecursionError):
        return everything
    if not isinstance(said, dict):
        return everything
    failures = said.get("batchItemFailures")
    if failures is None:
        return frozenset()
    if not isinstance(failures, list):
        return everything
    found = [one.get("itemIdentifier") if isinstance(one, dict) else None for one in failures]
    named = frozenset(one for one in found if isinstance(one, str))
    return named if len(named) == len(set(map(str, found))) and named <= everything else everything


def in_order(failed: frozenset[str], batch: Sequence[tuple[str, str]]) -> frozenset[str]:
    """Add what came after a failed message of its group: it must wait until that one is through.

    ``batch`` has the id and group of each message, in order.

    >>> sorted(in_order(frozenset({"1"}), [("1", "a"), ("2", "b"), ("3", "a")]))
    ['1', '3']
    """
    waiting, stopped = set(failed), set[str]()
    for id, group in batch:
        if id in failed:
            stopped.add(group)
        elif group in stopped:
            waiting.add(id)
    return frozenset(waiting)
