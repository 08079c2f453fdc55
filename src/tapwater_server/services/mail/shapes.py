"""The bodies of this service's API, as they travel."""

import msgspec


class Attached(msgspec.Struct, forbid_unknown_fields=True):
    """A file that goes along; ``data`` is base 64."""

    name: str
    data: bytes
    content_type: str = "application/octet-stream"


class NewMail(msgspec.Struct, forbid_unknown_fields=True):
    """A mail to be sent. Addresses may carry a name: ``Ada <ada@example.com>``."""

    to: list[str] | str
    subject: str
    text: str = ""
    html: str = ""
    sender: str = msgspec.field(name="from", default="")
    cc: list[str] = []
    bcc: list[str] = []
    reply_to: str = ""
    attachments: list[Attached] = []
    key: str = ""


class Accepted(msgspec.Struct):
    """It is on disk. ``stage`` is waiting, or kept where there is no server for mail."""

    id: str
    stage: str
