"""POST /answers-api/ask: an answer that is written while one watches, as server-sent events.

The answers are ELIZA's (Joseph Weizenbaum, 1966): patterns, not understanding. A language model
would be asked in ``thought``; all the rest would stay.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from tapwater import Problem, Response, ServerSentEvent, options

options(memory="128MB", timeout="60s", concurrency=50)

WORD_S = 0.03  # About as fast as a model writes.
QUESTION_LENGTH_MAX = 2000

PATTERNS = (
    (r"\bi need (.+)", "Why do you need {}? Would it really help you?"),
    (r"\bi(?: am|'m) (.+)", "How long have you been {}?"),
    (r"\bi feel (.+)", "When do you usually feel {}?"),
    (r"\bbecause (.+)", "Is that the real reason? What else comes to mind?"),
    (r"\bmy (\w+)", "Tell me more about your {}."),
    (r"\?\s*$", "What do you think yourself?"),
    (r"", "Please go on."),
)
TURNED = {"i": "you", "me": "you", "my": "your", "am": "are", "you": "I", "your": "my"}


@dataclass
class Question:
    """What somebody says."""

    text: str


async def post(question: Question) -> Response:
    """Answer word by word."""
    if len(question.text) > QUESTION_LENGTH_MAX:
        raise Problem(413, f"A question may have {QUESTION_LENGTH_MAX} characters.")
    return Response.sse(written(thought(question.text)))


async def written(answer: str) -> AsyncIterator[ServerSentEvent]:
    """Write an answer as a typewriter does. If the reader goes away, we stop."""
    words = answer.split()
    for number, word in enumerate(words):
        yield ServerSentEvent(data={"word": word}, id=str(number))
        await asyncio.sleep(WORD_S)
    yield ServerSentEvent(event="done", data={"words": len(words)})


def thought(text: str) -> str:
    """Find an answer.

    >>> thought("I need my tea.")
    'Why do you need your tea? Would it really help you?'
    """
    for pattern, answer in PATTERNS:
        found = re.search(pattern, text, re.IGNORECASE)
        if found:
            return answer.format(*(turned(part) for part in found.groups()))
    raise AssertionError("the last pattern fits everything")


def turned(part: str) -> str:
    """Say it from the other side: my tea, your tea."""
    words = part.strip(" .!?").split()
    return " ".join(TURNED.get(word.lower(), word) for word in words)
