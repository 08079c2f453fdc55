"""Mail that goes nowhere: look at ``sent`` for what a function has sent."""

import re
from itertools import count
from typing import Any

from tapwater.services.transport import Reply, Request
from tapwater.testing.fakes.answering import Answers, body_of, conflict, invalid, not_found

_ADDRESS = re.compile(r"(?:[^<>\r\n]*<)?[\w!#$%&'*+/=?^`{|}~.-]+@[A-Za-z0-9.-]+>?")


class FakeMail:
    """The mail service of an app, in memory."""

    prefixes = ("/mail",)

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []  # What was asked to be sent, the oldest first.
        self._count = count(1)
        self._answers = Answers(
            ("POST", "/mail", self._send),
            ("GET", "/mail", self._list),
            ("GET", "/mail/{id}", self._get),
            ("POST", "/mail/{id}/retry", self._retry),
            ("DELETE", "/mail/{id}", self._drop),
        )

    def send(self, request: Request) -> Reply:
        return self._answers.send(request)

    def to(self, address: str) -> list[dict[str, Any]]:
        """The mails to one address, the oldest first."""
        return [mail for mail in self.sent if address in mail["recipients"]]

    def _send(self, request: Request) -> Any:
        asked = body_of(request)
        to = asked.get("to") or []
        to = [to] if isinstance(to, str) else to
        everyone = [*to, *asked.get("cc", ()), *asked.get("bcc", ())]
        if not to or not all(_ADDRESS.fullmatch(one) for one in everyone):
            raise invalid(f"{everyone} are not e-mail addresses")
        if not asked.get("subject", "").isprintable():
            raise invalid("a subject is one line of 500 characters at most")
        known = [mail for mail in self.sent if asked.get("key") and mail["key"] == asked["key"]]
        if known:
            return {"id": known[0]["id"], "stage": "kept"}
        plain = [re.sub(r".*<|>", "", one).lower() for one in everyone]
        mail = {
            "attachments": [],
            "html": "",
            "text": "",
            "key": "",
            **asked,
            "id": f"{next(self._count):026d}",
            "to": ", ".join(to),
            "recipients": plain,
            "stage": "kept",
        }
        self.sent.append(mail)
        return {"id": mail["id"], "stage": "kept"}

    def _list(self, request: Request) -> Any:
        stage, after = request.query.get("stage"), request.query.get("after")
        found = [mail for mail in self.sent[::-1] if stage in (None, mail["stage"])]
        if after:
            found = [mail for mail in found if mail["id"] < after]
        return {"mails": found[: int(request.query.get("limit", "50"))]}

    def _get(self, request: Request, id: str) -> Any:
        for mail in self.sent:
            if mail["id"] == id:
                return mail
        raise not_found("there is no such mail")

    def _retry(self, request: Request, id: str) -> Any:
        self._get(request, id)
        raise conflict("only a mail that was given up can be sent again")

    def _drop(self, request: Request, id: str) -> None:
        self.sent.remove(self._get(request, id))
