"""E-mail: ``mail.send(to="ada@example.com", subject="Hello", text="…")``."""

from collections.abc import Mapping, Sequence
from typing import Any

from tapwater.services.speaking import ask_json, path_to
from tapwater.services.transport import Transport

Attachments = Sequence["tuple[str, bytes] | tuple[str, bytes, str]"]


class Mail:
    """The mail of an app."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def send(
        self,
        *,
        to: str | Sequence[str],
        subject: str,
        text: str = "",
        html: str = "",
        sender: str = "",
        cc: Sequence[str] = (),
        bcc: Sequence[str] = (),
        reply_to: str = "",
        attachments: Attachments = (),
        key: str = "",
    ) -> str:
        """Send a mail and give its id; when this returns, it is on disk and will be tried until
        the server for mail has taken it.

        Addresses may carry a name, ``Ada <ada@example.com>``. ``attachments``: pairs of name and
        bytes, or with the type as a third. ``key``: a second mail with it is not sent.
        """
        asked = {
            "to": [to] if isinstance(to, str) else list(to),
            "subject": subject,
            "text": text,
            "html": html,
            "from": sender,
            "cc": list(cc),
            "bcc": list(bcc),
            "reply_to": reply_to,
            "attachments": [_attached(*one) for one in attachments],
            "key": key,
        }
        said = ask_json(self._transport, "POST", "/mail", asked)
        return str(said["id"])

    def list(
        self, *, stage: str = "", after: str = "", limit: int = 50
    ) -> Sequence[Mapping[str, Any]]:
        """List mails, newest first. ``stage``: waiting, sent, kept (in the inbox) or dead."""
        query = {"stage": stage or None, "after": after or None, "limit": limit}
        mails: Sequence[Mapping[str, Any]]
        mails = ask_json(self._transport, "GET", "/mail", query=query)["mails"]
        return mails

    def get(self, id: str) -> Mapping[str, Any]:
        """Read one: headers, text, html, and what became of it."""
        mail: Mapping[str, Any] = ask_json(self._transport, "GET", path_to("mail", id))
        return mail

    def retry(self, id: str) -> None:
        """Send again what was given up."""
        ask_json(self._transport, "POST", path_to("mail", id, "retry"))

    def drop(self, id: str) -> None:
        """Forget one; if it waits, it is not sent."""
        ask_json(self._transport, "DELETE", path_to("mail", id))


def _attached(name: str, data: bytes, content_type: str = "") -> Mapping[str, str]:
    import mimetypes
    from base64 import b64encode

    kind = content_type or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return {"name": name, "data": b64encode(data).decode(), "content_type": kind}
