"""Notes on a record which mistake it belongs to, if its call did not end well."""

from collections.abc import Sequence

from tapwater_server.model.fault import blame
from tapwater_server.model.foreign_fault import read_told
from tapwater_server.model.function import Function, Style
from tapwater_server.model.invocation import Headers, Outcome
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


def note_error_answer(
    record: Record, function: Function, whole: tuple[int, Headers, bytes] | None
) -> None:
    """Write down that the function itself answered 500 or more, as frameworks do that catch what
    was raised: for whoever asked it is an error like any other. What was written for another cloud
    says in its answer what was raised.
    """
    record.ending, record.error = ERROR_ANSWER, str(record.status)
    record.message = f"it answered {record.status}"
    frames: Sequence[str] = ()
    told = read_told(whole[2]) if whole and function.style is Style.FOREIGN else None
    if told is not None:
        record.error, record.message, frames = told.error, told.message, told.frames
        record.where = frames[-1] if frames else ""
    record.fault = blame(
        app=record.app,
        function=record.function,
        ending=record.ending,
        error=record.error,
        message=record.message,
        frames=frames,
    )
