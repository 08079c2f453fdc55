"""Several writes at once: batches, and transactions that begin again when somebody was faster."""

from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

from tapwater.services.docs_values import Doc, read_doc, write_of
from tapwater.services.speaking import ask_json
from tapwater.services.transport import ServiceError, Transport

T = TypeVar("T")


class Writes:
    """Gathers writes; nothing happens before they are sent together. At most 500."""

    def __init__(self) -> None:
        self.writes: list[dict[str, Any]] = []

    def set(self, path: str, data: Mapping[str, Any], **how: Any) -> Self:
        """Write a whole document; ``merge=True``: only put these fields into it."""
        kind = "merge" if how.pop("merge", False) else "set"
        return self._add(write_of(kind, path, data, **how))

    def create(self, path: str, data: Mapping[str, Any], **how: Any) -> Self:
        """Write a document that must not be there yet."""
        return self._add(write_of("set", path, data, exists=False, **how))

    def update(self, path: str, data: Mapping[str, Any], **how: Any) -> Self:
        """Change fields, by place, of a document that must be there."""
        return self._add(write_of("update", path, data, **how))

    def delete(self, path: str, **how: Any) -> Self:
        return self._add(write_of("delete", path, **how))

    def _add(self, write: dict[str, Any]) -> Self:
        self.writes.append(write)
        return self


class Batch(Writes):
    """``with docs.batch() as batch: batch.set(...)``: all are written at the end, or none."""

    def __init__(self, transport: Transport) -> None:
        super().__init__()
        self._transport = transport

    def commit(self) -> list[dict[str, Any] | None]:
        """Send them now; gives what is known of each document, without its data."""
        writes, self.writes = self.writes, []
        return commit(self._transport, writes, {})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None and self.writes:
            self.commit()


class Transaction(Writes):
    """What the function of a transaction is given: it reads here, and writes here."""

    def __init__(self, transport: Transport) -> None:
        super().__init__()
        self._transport = transport
        self.reads: dict[str, int] = {}

    def get(self, path: str) -> Doc | None:
        return self.get_many([path])[0]

    def get_many(self, paths: Iterable[str]) -> list[Doc | None]:
        """Read several at one moment; they must still be so when the writes are made."""
        named = list(paths)
        found = get_many(self._transport, named)
        for path, doc in zip(named, found, strict=True):
            self.reads.setdefault(path, doc.version if doc else 0)
        return found


def get_many(transport: Transport, paths: list[str]) -> list[Doc | None]:
    """Read several documents at one moment."""
    said = ask_json(transport, "POST", "/docs-get", {"paths": paths})
    return [read_doc(each) if each else None for each in said["documents"]]


def commit(
    transport: Transport, writes: list[dict[str, Any]], reads: dict[str, int]
) -> list[dict[str, Any] | None]:
    """Make writes, all or none."""
    asked = {"writes": writes, "reads": reads}
    written: list[dict[str, Any] | None] = ask_json(transport, "POST", "/docs-commit", asked)[
        "written"
    ]
    return written


def run(transport: Transport, work: Callable[[Transaction], T], *, attempts: int) -> T:
    """Run ``work`` until its writes are made on what it read.

    Raises:
        ServiceError: others were faster each time (``conflict``), or something else is wrong.
    """
    while True:
        transaction = Transaction(transport)
        result = work(transaction)
        attempts -= 1
        try:
            # Also without writes: what was read must have been of one moment.
            commit(transport, transaction.writes, transaction.reads)
        except ServiceError as error:
            if error.code != "conflict" or attempts < 1:
                raise
        else:
            return result
