"""A meter that wraps a meter: what is written down has its secrets hidden before it is."""

from collections.abc import Callable, Sequence

from tapwater_server.model.masking import Forms, mask_fields, mask_text
from tapwater_server.ports.meter import Asked, LogLine, Meter, MeterStats, Record, Span, Use

Told = Callable[[LogLine | Span], None]


class Masked:
    """See ``ports.meter.Meter``. An app without secrets costs a look into a dict."""

    def __init__(self, inner: Meter, *, forms_of: Callable[[str], Forms]) -> None:
        self._inner, self._forms_of = inner, forms_of
        self._listeners: list[Told] = []
        # What is only passed on: no frame of ours between.
        self.use: Callable[[Use], None] = inner.use
        self.when_noted = inner.when_noted
        self.when_used = inner.when_used

    def when_said(self, told: Told) -> None:
        """Whom to call with each line and span, at once, as they are written down."""
        self._listeners.append(told)

    def note(self, record: Record) -> None:
        forms = self._forms_of(record.app)
        if forms:
            record.path = mask_text(record.path, forms)
        if record.message:
            record.message = mask_text(record.message, forms)
        self._inner.note(record)

    def log(self, line: LogLine) -> None:
        forms = self._forms_of(line.app)
        line.text = mask_text(line.text, forms)
        if line.fields:
            line.fields = mask_fields(line.fields, forms)
        self._inner.log(line)
        for told in self._listeners:
            told(line)

    def span(self, span: Span) -> None:
        forms = self._forms_of(span.app)
        if forms:
            span.name = mask_text(span.name, forms)
        if span.facts:
            span.facts = mask_fields(span.facts, forms)
        self._inner.span(span)
        for told in self._listeners:
            told(span)

    async def records(self, asked: Asked) -> Sequence[Record]:
        return await self._inner.records(asked)

    async def lines(self, asked: Asked) -> Sequence[LogLine]:
        return await self._inner.lines(asked)

    async def spans(self, trace: str) -> Sequence[Span]:
        return await self._inner.spans(trace)

    async def flush(self) -> None:
        await self._inner.flush()

    def stats(self) -> MeterStats:
        return self._inner.stats()

    async def close(self) -> None:
        await self._inner.close()
