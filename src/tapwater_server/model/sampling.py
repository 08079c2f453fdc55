"""Which calls leave a record behind, where only a share of them is kept. Pure."""

from tapwater_server.model.usage import is_error

STATUS_FAILED = 500  # An answer of this or more is a failure, though the call ended well.
_DIGITS = 8
_SPACE = float(16**_DIGITS)


def is_sampled(trace: str, share: float) -> bool:
    """Say whether a trace is one of the share that is kept: the same for all its calls and steps.

    >>> is_sampled("0" * 24 + "7fffffff", 0.5), is_sampled("0" * 24 + "80000000", 0.5)
    (True, False)
    >>> is_sampled("no trace", 0.0), is_sampled("", 1.0)
    (True, True)
    """
    try:
        return int(trace[-_DIGITS:], 16) < share * _SPACE
    except ValueError:
        return True


def has_failed(ending: str, status: int) -> bool:
    """Say whether a call is one that no sample may leave out.

    >>> has_failed("ok", 200), has_failed("ok", 503), has_failed("timed_out", 0)
    (False, True, True)
    """
    return status >= STATUS_FAILED or is_error(ending)
