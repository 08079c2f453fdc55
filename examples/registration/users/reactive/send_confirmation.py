"""Runs when a registration is stored: sends the link that confirms it."""

from typing import Any

from tapwater import Event, mail, on

TEXT = """Hello {name},

please confirm that this is your address:

{site}/users-api/confirm/{id}?code={code}

If it was not you who registered, do nothing.
"""


@on.document_created("registrations/{id}", retries=10)
def send_confirmation(event: Event, id: str, after: dict[str, Any]) -> None:
    """Send the mail once, however often this is tried: its key is the event's id."""
    mail.send(
        to=after["email"],
        subject="Please confirm your address",
        text=TEXT.format(id=id, **after),
        key=event.id,
    )
