"""Takes a whole message apart again, to show it. Pure."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from tapwater_server.model.letter import Letter


def shown(letter: Letter) -> dict[str, Any]:
    """A line of a list."""
    return {
        "id": letter.id,
        "to": letter.to,
        "from": letter.sender,
        "recipients": list(letter.recipients),
        "subject": letter.subject,
        "stage": letter.stage.value,
        "accepted_at": letter.accepted_at,
        "attempt": letter.attempt,
        "due_at": letter.due_at if letter.stage == "waiting" else None,
        "settled_at": letter.settled_at or None,
        "reason": letter.reason,
        "size": letter.size,
    }


def opened(letter: Letter) -> dict[str, Any]:
    """The whole letter: headers, texts, names of attachments."""
    message = parse(letter)
    return {
        **shown(letter),
        "headers": {name: str(value) for name, value in message.items()},
        "text": part_of(message, "plain"),
        "html": part_of(message, "html"),
        "attachments": [
            {
                "name": part.get_filename() or "",
                "content_type": part.get_content_type(),
                "size": len(part.get_payload(decode=True) or b""),
            }
            for part in message.iter_attachments()
        ],
    }


def parse(letter: Letter) -> EmailMessage:
    """Read the message; we wrote it ourselves."""
    message = message_from_bytes(letter.raw, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def part_of(message: EmailMessage, kind: str) -> str:
    """Give the text in one form; "" where there is none."""
    body = message.get_body((kind,))
    content = body.get_content() if body is not None else ""
    return content.replace("\r\n", "\n").removesuffix("\n") if isinstance(content, str) else ""
