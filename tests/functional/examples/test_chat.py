"""The chat: an answer streamed as server-sent events, and a room over WebSocket."""

import json
import socket
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.functional.examples.conftest import Deployed
from tests.functional.running import Platform

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def chat(deployed: Deployed) -> httpx.Client:
    return deployed("chat")


def enter(platform: Platform, name: str) -> ClientConnection:
    wire = socket.create_connection(("127.0.0.1", platform.port))
    uri = f"ws://chat.localhost:{platform.port}/rooms-api/lobby?name={name}"
    return connect(uri, sock=wire)


def heard(websocket: ClientConnection) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(websocket.recv(timeout=30))
    return line


def test_an_answer_comes_word_by_word(chat: httpx.Client) -> None:
    question = {"text": "I need my tea."}
    with chat.stream("POST", "/answers-api/ask", json=question) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = "".join(answer.iter_text()).strip().split("\n\n")
    data = [json.loads(event.partition("data: ")[2].partition("\n")[0]) for event in events]
    words = [one["word"] for one in data[:-1]]
    assert " ".join(words) == "Why do you need your tea? Would it really help you?"
    assert "event: done" in events[-1]
    assert data[-1] == {"words": len(words)}


def test_the_first_word_does_not_wait_for_the_last(chat: httpx.Client) -> None:
    question = {"text": "I need my tea."}
    with chat.stream("POST", "/answers-api/ask", json=question) as answer:
        first = next(answer.iter_text())
    assert '"Why"' in first
    assert "event: done" not in first


def test_a_question_that_is_too_long(chat: httpx.Client) -> None:
    assert chat.post("/answers-api/ask", json={"text": "?" * 3000}).status_code == 413


def test_people_in_a_room_hear_each_other(chat: httpx.Client, platform: Platform) -> None:
    with enter(platform, "Ada") as ada:
        assert heard(ada) == {"event": "came", "name": "Ada", "people": 1}
        with enter(platform, "Bob") as bob:
            assert heard(bob)["name"] == "Ada"  # What was said before he came.
            assert heard(bob) == heard(ada) == {"event": "came", "name": "Bob", "people": 2}
            bob.send("Hello, Ada")
            said = {"event": "said", "name": "Bob", "text": "Hello, Ada"}
            assert heard(ada) == heard(bob) == said
        assert heard(ada) == {"event": "left", "name": "Bob", "people": 1}
