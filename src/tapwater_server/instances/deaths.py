"""How the end of a guest's process reads, as an ending and a sentence. Pure."""

import signal

from tapwater_server.instances.call import CallInProgress
from tapwater_server.model.invocation import Ending
from tapwater_server.ports.sandbox import Death, Died


def ending_of(died: Died) -> Ending:
    """Give the ending of calls that were running when the guest died so."""
    return Ending.OUT_OF_MEMORY if died.death is Death.OUT_OF_MEMORY else Ending.CRASHED


def sentence_of(died: Died, *, memory_bytes: int) -> str:
    """Say it to a person.

    >>> sentence_of(Died(death=Death.SIGNALLED, detail=11), memory_bytes=0)
    'the process was killed by SIGSEGV (segmentation fault)'
    """
    match died.death:
        case Death.EXITED:
            return f"the process ended by itself with exit code {died.detail}"
        case Death.SIGNALLED:
            return f"the process was killed by {_signal_name(died.detail)}"
        case Death.OUT_OF_MEMORY:
            return f"the process used more than its {memory_bytes >> 20} MiB of memory"
        case Death.KILLED:
            return "the process was ended by the platform"


def _signal_name(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    said = signal.strsignal(number)
    return f"{name} ({said.lower()})" if said else name


def truth(call: CallInProgress, ending: Ending, message: str) -> tuple[Ending, str]:
    """What to call an ending that came after a cancel or a deadline."""
    if call.cancelled:
        return Ending.CANCELLED, call.cancelled
    if call.overdue and ending is not Ending.OK:
        return Ending.TIMED_OUT, message or "the function took longer than its time limit"
    return ending, message
