"""What a function written for another cloud says of its own failure, read for people. Pure."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

ANSWER_BYTES_MAX = 256 << 10  # A larger one is not read: it is no exception, or one with a book.
TEXT_CHARS_MAX = 2_000
FRAMES_MAX = 100
_TRACEBACK = "Traceback (most recent call last):"
_HEAD = "[ERROR] "
# As Python and as Node.js write the frames of the function's own code.
_FRAMES = (
    re.compile(r'File "/var/task/(?P<file>[^"\n]{1,300})", line \d+, in (?P<name>[^\n]{1,200})'),
    re.compile(r"^\s*at (?P<name>[^\n(]{1,200}) \((?:file://)?/var/task/(?P<file>[^\n:]{1,300}):"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An exception: its type, its sentence, and where, the innermost place last."""

    error: str
    message: str
    frames: Sequence[str] = ()


def read_told(answer: bytes) -> Told | None:
    """Read what a Lambda function answers when it fails; None: it says nothing of that form.

    >>> frame = '  File "/var/task/hello.py", line 3, in handler\\n  1 / 0'
    >>> said = '{"errorType": "KeyError", "errorMessage": "x", "stackTrace": [%s]}'
    >>> read_told((said % json.dumps(frame)).encode())
    Told(error='KeyError', message='KeyError: x', frames=['hello.py:handler'])
    """
    if len(answer) > ANSWER_BYTES_MAX:
        return None
    try:
        said = json.loads(answer)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or not isinstance(said.get("errorMessage"), str):
        return None
    kind, message = said.get("errorType"), said["errorMessage"][:TEXT_CHARS_MAX]
    error = kind[:TEXT_CHARS_MAX] if isinstance(kind, str) else ""
    trace = said.get("stackTrace", said.get("trace"))  # Of Python; of Node.js, the outermost last.
    lines = trace[:FRAMES_MAX] if isinstance(trace, list) else []
    frames = [frame for frame in map(_frame, lines) if frame]
    if "stackTrace" not in said:
        frames.reverse()
    sentence = f"{error}: {message}" if error else message
    return Told(error=error, message=sentence, frames=frames)


def _frame(line: object) -> str:
    for pattern in _FRAMES:
        found = pattern.search(str(line)[:TEXT_CHARS_MAX])
        if found:
            return f"{found['file']}:{found['name']}"
    return ""


def traceback_in(text: str) -> str:
    """Find a traceback in what was logged: ours, or the entry that Lambda's runtime writes of one.

    >>> trace = "Traceback (most recent call last):"
    >>> traceback_in(f"[ERROR] KeyError: 'x'\\r{trace}\\r\\xa0\\xa0File ...")
    "Traceback (most recent call last):\\n  File ...\\nKeyError: 'x'"
    >>> traceback_in("order 7")
    ''
    """
    if text.startswith("Traceback"):
        return text
    head, _, rest = text.partition("\r")
    if not head.startswith(_HEAD) or not rest.startswith(_TRACEBACK):
        return ""
    return "\n".join([*rest.replace("\xa0", " ").split("\r"), head.removeprefix(_HEAD)])
