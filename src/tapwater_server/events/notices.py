"""What the platform says in an app's log when it gives a delivery up."""

from collections.abc import Callable

from tapwater_server.events.audience import Target
from tapwater_server.model.ids import AppId
from tapwater_server.ports.bus import Delivery
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.meter import LogLine

REASON_LENGTH_MAX = 1_000

Logs = Callable[[LogLine], None]


class Notices:
    """Writes one line for each dead letter: nobody waits for a delivery, so nobody is told else."""

    def __init__(self, *, logs: Logs, clock: Clock) -> None:
        self._logs, self._clock = logs, clock

    def gave_up(self, delivery: Delivery, target: Target | None, reason: str) -> None:
        """Say that it is a dead letter now, why, and what to do."""
        errand = delivery.errand
        function = errand.function.partition(":")[2]
        if not function and target is not None and target.function is not None:
            function = target.function.id.name
        self._logs(
            LogLine(
                at=self._clock.now(),
                app=AppId(errand.app),
                function=function,
                invocation="",
                instance="",
                level="error",
                text=dead_letter(delivery, reason, queue=target.queue if target else ""),
            )
        )


def dead_letter(delivery: Delivery, reason: str, *, queue: str = "") -> str:
    """Say it in a line: the reason as it is kept, the ids as fields.

    >>> from tapwater_server.ports.bus import Errand
    >>> errand = Errand(id="d1", app="shop", line="f:shop:a", body=b"", event="e1")
    >>> told = Delivery(errand=errand, attempt=5, leased_until=0.0, published_at=0.0, seq=1)
    >>> dead_letter(told, "it crashed")
    'a dead letter: it crashed; `tapwater events dead` shows it (delivery=d1 event=e1 attempts=5)'
    """
    errand = delivery.errand
    where = f" --queue {queue}" if queue else ""
    fields = {
        "delivery": errand.id,
        "event": errand.event,
        "queue": queue,
        "attempts": delivery.attempt,
        "lost": delivery.lost,
    }
    said = " ".join(f"{name}={value}" for name, value in fields.items() if value)
    shown = f"`tapwater events dead{where}` shows it"
    return f"a dead letter: {reason[:REASON_LENGTH_MAX]}; {shown} ({said})"
