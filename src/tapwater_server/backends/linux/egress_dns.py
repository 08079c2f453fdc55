"""DNS messages, as far as a function needs them: one question in, addresses or a refusal out. Pure.

The questions come from user code: everything is checked, and a message that makes no sense gets
no answer at all.
"""

import ipaddress
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from tapwater_server.backends.linux.egress_plan import Address

MESSAGE_BYTES_MAX = 512  # A question never has more; no answer of ours does either.
ANSWERS_MAX = 8
TTL_S = 5
A, AAAA = 1, 28
_INTERNET = 1
_HEADER = struct.Struct("!HHHHHH")
_QUESTION = struct.Struct("!HH")
_ANSWER = struct.Struct("!HHHIH")
_NAME_HERE = 0xC00C  # A pointer to the question's name.
_RESPONSE, _RECURSION_WANTED, _RECURSION_HAD = 0x8000, 0x0100, 0x0080
_LABEL = re.compile(rb"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NAME_BYTES_MAX = 255


class Code(IntEnum):
    """How an answer ended (RFC 1035, 4.1.1)."""

    OK = 0
    MALFORMED = 1
    FAILED = 2
    NO_SUCH_NAME = 3
    NOT_DONE = 4
    REFUSED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked. ``problem``: it was understood so far that this can be answered."""

    id: int
    recursion: bool
    raw: bytes  # the question section, given back as it came
    name: str = ""
    type: int = 0
    problem: Code = Code.OK

    @property
    def for_address(self) -> bool:
        return self.type in (A, AAAA)


def parse(message: bytes) -> Question | None:
    """Read a question; None: not worth an answer.

    >>> parse(b"no DNS") is None
    True
    """
    if not _HEADER.size < len(message) <= MESSAGE_BYTES_MAX:
        return None
    id, flags, questions, *_ = _HEADER.unpack_from(message)
    if flags & _RESPONSE:
        return None  # Answering answers would make loops.
    recursion = bool(flags & _RECURSION_WANTED)
    if flags & 0x7800:
        return Question(id=id, recursion=recursion, raw=b"", problem=Code.NOT_DONE)
    labels = _labels(message) if questions == 1 else None
    if labels is None:
        return Question(id=id, recursion=recursion, raw=b"", problem=Code.MALFORMED)
    end = _HEADER.size + sum(len(label) + 1 for label in labels) + 1
    if len(message) < end + _QUESTION.size:
        return Question(id=id, recursion=recursion, raw=b"", problem=Code.MALFORMED)
    kind, network = _QUESTION.unpack_from(message, end)
    lowered = [label.lower() for label in labels]
    problem = Code.OK
    if network != _INTERNET:
        problem = Code.REFUSED
    elif not lowered or not all(map(_LABEL.fullmatch, lowered)):
        problem = Code.NO_SUCH_NAME
    return Question(
        id=id,
        recursion=recursion,
        raw=message[_HEADER.size : end + _QUESTION.size],
        name=b".".join(lowered).decode() if problem is Code.OK else "",
        type=kind,
        problem=problem,
    )


def _labels(message: bytes) -> list[bytes] | None:
    """Read the labels of the first name; None if it runs out or is compressed."""
    labels: list[bytes] = []
    at = _HEADER.size
    while at < min(len(message), _HEADER.size + _NAME_BYTES_MAX):
        size = message[at]
        if size == 0:
            return labels
        if size > 63 or at + 1 + size > len(message):
            return None
        labels.append(message[at + 1 : at + 1 + size])
        at += 1 + size
    return None


def answer(question: Question, addresses: Iterable[Address]) -> bytes:
    """Write an answer with those of the addresses that were asked for; there may be none."""
    version = {A: 4, AAAA: 6}.get(question.type, 0)
    fitting = [a.packed for a in addresses if a.version == version][:ANSWERS_MAX]
    records = b"".join(
        _ANSWER.pack(_NAME_HERE, question.type, _INTERNET, TTL_S, len(packed)) + packed
        for packed in fitting
    )
    return _head(question, Code.OK, answers=len(fitting)) + question.raw + records


def failure(question: Question, code: Code) -> bytes:
    """Write an answer that says no."""
    return _head(question, code, answers=0) + question.raw


def _head(question: Question, code: Code, *, answers: int) -> bytes:
    flags = _RESPONSE | _RECURSION_HAD | code
    if question.recursion:
        flags |= _RECURSION_WANTED
    return _HEADER.pack(question.id, flags, 1 if question.raw else 0, answers, 0, 0)


def ask(name: str, kind: int, *, id: int = 1) -> bytes:
    """Write a question, as a client does.

    >>> question = parse(ask("a.example", A))
    >>> question.name if question else ""
    'a.example'
    """
    labels = b"".join(bytes([len(p)]) + p.encode() for p in name.split("."))
    head = _HEADER.pack(id, _RECURSION_WANTED, 1, 0, 0, 0)
    return head + labels + b"\0" + _QUESTION.pack(kind, _INTERNET)


def read_answer(message: bytes) -> tuple[Code, list[Address]]:
    """Read an answer of ours, as a client does."""
    _, flags, questions, answers, *_ = _HEADER.unpack_from(message)
    at = _HEADER.size
    if questions:
        at += sum(len(label) + 1 for label in _labels(message) or []) + 1 + _QUESTION.size
    addresses: list[Address] = []
    for _ in range(answers):
        *_, size = _ANSWER.unpack_from(message, at)
        at += _ANSWER.size
        addresses.append(ipaddress.ip_address(message[at : at + size]))
        at += size
    return Code(flags & 0xF), addresses
