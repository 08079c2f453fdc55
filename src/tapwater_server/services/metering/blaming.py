"""Notes on a record which mistake it belongs to, if its call did not end well."""

from tapwater_server.model.fault import blame
from tapwater_server.model.invocation import Outcome
from tapwater_server.ports.meter import Record


def note_blame(record: Record, outcome: Outcome) -> None:
    """Fill in ``error``, ``fault`` and ``where``. For calls that failed: it costs microseconds."""
    record.error = outcome.error
    record.where = outcome.frames[-1] if outcome.frames else ""
    record.fault = blame(
        app=record.app,
        function=record.function,
        ending=record.ending,
        error=outcome.error,
        message=outcome.message,
        frames=outcome.frames,
    )
