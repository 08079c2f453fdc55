"""Which calls and spans of a batch leave more than their amounts behind."""

from collections.abc import Sequence

from tapwater_server.model.sampling import has_failed, is_sampled
from tapwater_server.ports.meter import Record, Span


class Sample:
    """All but what ended well and is not of the sample. Of a trace with an error in this batch,
    everything is kept.
    """

    def __init__(self, records: Sequence[Record], *, share: float) -> None:
        self._share = share
        self._failed: set[str] = set()
        if share < 1:
            self._failed = {one.trace for one in records if _failed(one)}

    def records(
        self, records: Sequence[Record], raws: Sequence[bytes]
    ) -> tuple[Sequence[Record], Sequence[bytes]]:
        """Choose of records and their bytes."""
        if self._share >= 1:
            return records, raws
        pairs = zip(records, raws, strict=True)
        kept = [(one, raw) for one, raw in pairs if _failed(one) or self._is(one.trace)]
        return [one for one, _ in kept], [raw for _, raw in kept]

    def spans(self, spans: Sequence[Span]) -> Sequence[Span]:
        """Choose of spans."""
        if self._share >= 1:
            return spans
        return [span for span in spans if not span.ok or self._is(span.trace)]

    def _is(self, trace: str) -> bool:
        return trace in self._failed or is_sampled(trace, self._share)


def _failed(record: Record) -> bool:
    return has_failed(record.ending, record.status)
