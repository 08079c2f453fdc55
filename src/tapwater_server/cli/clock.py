"""Time for the one program that stands outside the house: the command line."""

import time


def now() -> float:
    """Seconds since the epoch, by this machine's clock."""
    # The roof may open no backend, and no decision is made from this: it is for `--since`
    # and for showing ages. Tests give their own.
    return time.time()  # noqa: TID251


def monotonic() -> float:
    """Seconds that never go back, for showing how long something took."""
    return time.monotonic()


async def wait_s(seconds: float) -> None:
    """Let a live view rest between two looks."""
    import asyncio

    await asyncio.sleep(seconds)  # noqa: TID251
