"""A message of a queue or topic as an errand carries it: a body, what kind it is, attributes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from tapwater_server.model.errors import Invalid, TooLarge

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"

BODY_BYTES_MAX = 1 << 20  # As an errand's: larger things are blobs, and the message names them.
ATTRIBUTES_MAX = 32
ATTRIBUTES_BYTES_MAX = 64 << 10
_ATTRIBUTE_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_CONTENT_TYPE = re.compile(r"[a-z0-9.+-]{1,64}/[a-z0-9.+-]{1,64}( ?; ?[a-z0-9-]+=[\w.+-]{1,64})*")
_KIND = "content-type"  # its name among the attributes of an errand; JSON is not said
_MARK = ":"  # begins the names of marks there; no attribute's name does


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What somebody sent. ``body`` is JSON text if ``content_type`` says so."""

    body: bytes
    content_type: str = JSON
    attributes: Mapping[str, str] = field(default_factory=dict)
    marks: Mapping[str, str] = field(default_factory=dict)  # of another cloud's interface; unseen

    def check(self) -> None:
        """Refuse what no queue takes.

        Raises:
            Invalid: an attribute or the content type is malformed.
            TooLarge: there is too much of it.
        """
        if len(self.body) > BODY_BYTES_MAX:
            raise TooLarge(f"a message has at most {BODY_BYTES_MAX} bytes: keep it as a blob")
        if not _CONTENT_TYPE.fullmatch(self.content_type):
            raise Invalid(f"{self.content_type[:100]!r} is not a content type")
        if len(self.attributes) > ATTRIBUTES_MAX:
            raise Invalid(f"a message has at most {ATTRIBUTES_MAX} attributes")
        for name in self.attributes:
            if not _ATTRIBUTE_NAME.fullmatch(name) or name == _KIND:
                raise Invalid(
                    f"{name[:100]!r} cannot name an attribute: it is made of 1 to 128 letters, "
                    f"digits, dots, dashes and underscores, and not {_KIND}"
                )
        if sum(len(n) + len(v.encode()) for n, v in self.attributes.items()) > ATTRIBUTES_BYTES_MAX:
            raise TooLarge(f"the attributes have more than {ATTRIBUTES_BYTES_MAX} bytes")


def pack_attributes(message: Message) -> bytes:
    """Write what an errand keeps beside the body; nothing for plain JSON without attributes.

    >>> pack_attributes(Message(body=b"1", attributes={"shop": "7"}))
    b'{"shop":"7"}'
    """
    said = dict(message.attributes)
    if message.content_type != JSON:
        said[_KIND] = message.content_type
    for name, value in message.marks.items():
        said[_MARK + name] = value
    return msgspec.json.encode(said) if said else b""


def unpack(body: bytes, attributes: bytes) -> Message:
    """Read it back.

    >>> unpack(b"hi", b'{"content-type":"text/plain","shop":"7"}').attributes
    {'shop': '7'}
    """
    said = msgspec.json.decode(attributes, type=dict[str, str]) if attributes else {}
    kind = said.pop(_KIND, JSON)
    marks = {name[1:]: said.pop(name) for name in list(said) if name.startswith(_MARK)}
    return Message(body=body, content_type=kind, attributes=said, marks=marks)


def is_json(content_type: str) -> bool:
    """Say whether such a body is JSON.

    >>> is_json("application/cloudevents+json; charset=utf-8")
    True
    """
    kind = content_type.partition(";")[0].strip()
    return kind == JSON or kind.endswith("+json")
