"""Notes on a record which mistake it belongs to, if its call did not end well."""

from tapwater_server.model.fault import blame
from tapwater_server.model.invocation import Outcome
from tapwater_server.ports.meter import ERROR_ANSWER, Record


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


def note_error_answer(record: Record) -> None:
    """Write down that the function itself answered 500 or more, as frameworks do that catch what
    was raised: for whoever asked it is an error like any other.
    """
    record.ending, record.error = ERROR_ANSWER, str(record.status)
    record.message = f"it answered {record.status}"
    record.fault = blame(
        app=record.app,
        function=record.function,
        ending=record.ending,
        error=record.error,
        message=record.message,
        frames=(),
    )
