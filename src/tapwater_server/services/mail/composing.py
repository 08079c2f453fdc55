"""From a draft to a whole message (RFC 5322); no header can be smuggled in. Pure."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from tapwater_server.model.address import parse_address
from tapwater_server.model.errors import Invalid, TooLarge
from tapwater_server.model.letter import Attachment, Draft

RECIPIENTS_MAX = 50
SUBJECT_LENGTH_MAX = 500
TEXT_BYTES_MAX = 1 << 20
ATTACHMENTS_MAX = 20
ATTACHED_BYTES_MAX = 10 << 20  # Most servers refuse a little above this.
_NAME_LENGTH_MAX = 200
_WITH_NAME = re.compile(r"\s*(?P<name>[^<>]*?)\s*<(?P<address>[^<>]+)>\s*")
_TYPE = re.compile(r"[a-z]+/[a-z0-9][a-z0-9.+-]{0,100}")


def read_mailbox(text: str) -> Address:
    """Read an address with or without a name.

    >>> str(read_mailbox("Ada Lovelace <Ada@Example.com>"))
    'Ada Lovelace <ada@example.com>'

    Raises:
        Invalid: it is none.
    """
    found = _WITH_NAME.fullmatch(text)
    name = found["name"].strip('" ') if found else ""
    address = parse_address(found["address"] if found else text)
    if len(name) > _NAME_LENGTH_MAX or not name.isprintable():
        raise Invalid("a name is too long, or has a line break in it")
    return Address(display_name=name, addr_spec=address)


def recipients_of(draft: Draft) -> tuple[str, ...]:
    """All plain addresses, each once.

    Raises:
        Invalid: there are none, or too many, or one is no address.
    """
    boxes = [read_mailbox(one) for one in (*draft.to, *draft.cc, *draft.bcc)]
    if not draft.to or len(boxes) > RECIPIENTS_MAX:
        raise Invalid(f"a mail has 1 to {RECIPIENTS_MAX} recipients, at least one of them in 'to'")
    return tuple(dict.fromkeys(box.addr_spec for box in boxes))


def compose(draft: Draft, *, id: str, sender: Address, at: float) -> bytes:
    """Write the message.

    Raises:
        Invalid: something in the draft cannot be sent.
        TooLarge: it is more than any server takes.
    """
    _check(draft)
    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = f"<{id.lower()}@{sender.domain}>"
    message["Date"] = format_datetime(datetime.fromtimestamp(at, UTC))
    message["From"] = sender
    message["To"] = _boxes(draft.to)
    if draft.cc:
        message["Cc"] = _boxes(draft.cc)
    if draft.reply_to:
        message["Reply-To"] = read_mailbox(draft.reply_to)
    message["Subject"] = draft.subject
    if draft.text or not draft.html:
        message.set_content(draft.text)
        if draft.html:
            message.add_alternative(draft.html, subtype="html")
    else:
        message.set_content(draft.html, subtype="html")
    for one in draft.attachments:
        main, _, sub = one.content_type.partition("/")
        message.add_attachment(one.data, maintype=main, subtype=sub, filename=one.name)
    return message.as_bytes()


def _boxes(texts: Iterable[str]) -> tuple[Address, ...]:
    return tuple(read_mailbox(text) for text in texts)


def _check(draft: Draft) -> None:
    if len(draft.subject) > SUBJECT_LENGTH_MAX or not draft.subject.isprintable():
        raise Invalid(f"a subject is one line of {SUBJECT_LENGTH_MAX} characters at most")
    if "\0" in draft.text or "\0" in draft.html:
        raise Invalid("a text has a NUL in it")
    size = len(draft.text.encode("utf-8", "replace")) + len(draft.html.encode("utf-8", "replace"))
    if size > TEXT_BYTES_MAX:
        raise TooLarge(f"text and html together have more than {TEXT_BYTES_MAX >> 20} MiB")
    _check_attachments(draft.attachments)


def _check_attachments(attachments: Sequence[Attachment]) -> None:
    if len(attachments) > ATTACHMENTS_MAX:
        raise Invalid(f"{ATTACHMENTS_MAX} attachments at most")
    if sum(len(one.data) for one in attachments) > ATTACHED_BYTES_MAX:
        raise TooLarge(f"attachments have more than {ATTACHED_BYTES_MAX >> 20} MiB together")
    for one in attachments:
        right = 0 < len(one.name) <= _NAME_LENGTH_MAX and one.name.isprintable()
        if not right or not set(one.name).isdisjoint('/\\"'):
            raise Invalid(f"{one.name[:64]!r} cannot be the name of an attachment")
        if not _TYPE.fullmatch(one.content_type) or one.content_type.startswith("multipart/"):
            raise Invalid(f"{one.content_type[:64]!r} is no type such as application/pdf")
