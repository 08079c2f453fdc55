"""Runs when a sensor was too hot in some minute: writes to whoever looks after it."""

from typing import Any

from tapwater import Event, mail, on

CARETAKER = "caretaker@example.com"


@on.document_created("alerts/{id}", retries=10)
def alert(event: Event, after: dict[str, Any]) -> None:
    mail.send(
        to=CARETAKER,
        subject=f"{after['sensor']} is at {after['celsius']:.0f} °C",
        text=f"The sensor {after['sensor']} measured {after['celsius']:.1f} °C.",
        key=event.id,
    )
