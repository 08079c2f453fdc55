"""The chat bot: signed webhooks come in, answers go out to the chat's own API."""

import hashlib
import hmac
import json
import shutil
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import httpx
import pytest

from tapwater_server.backends.system.clock import SystemClock
from tests.functional.examples.conftest import EXAMPLES
from tests.functional.running import Platform

pytestmark = pytest.mark.slow
KEY = "a signing secret for tests"
WAIT_S_MAX = 60.0


class Chat:
    """Stands for the chat's API: takes what is posted into channels."""

    def __init__(self) -> None:
        self.posted: Queue[tuple[str, dict[str, Any]]] = Queue()
        chat = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                chat.posted.put((self.headers["authorization"], body))
                answer = b'{"ok": true}'
                self.send_response(200)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                """Tests look at what came, not at a log."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()

    def next_text(self) -> str:
        authorization, body = self.posted.get(timeout=WAIT_S_MAX)
        assert authorization == "Bearer xoxb-for-tests"
        assert body["channel"] == "C1"
        return str(body["text"])


@pytest.fixture(scope="module")
def chat() -> Iterator[Chat]:
    running = Chat()
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture(scope="module")
def bot(platform: Platform, chat: Chat, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Deploy the bot with the chat's address in place of the real one."""
    app = tmp_path_factory.mktemp("helpdesk") / "helpdesk"
    shutil.copytree(EXAMPLES / "helpdesk", app)
    point_at(app / "tapwater.toml", f"127.0.0.1:{chat.server.server_port}")
    for name, value in (("SLACK_SIGNING_SECRET", KEY), ("SLACK_BOT_TOKEN", "xoxb-for-tests")):
        path = f"/apps/helpdesk/secrets/{name}"
        answer = platform.api("PUT", path, json={"value": value})
        assert answer.status_code < 300, answer.text
    platform.deploy(app, "helpdesk")
    return f"{platform.url}/_/v1/webhooks/slack"


def point_at(settings: Path, place: str) -> None:
    text = settings.read_text()
    text = text.replace("https://slack.com/api", f"http://{place}")
    settings.write_text(text.replace("slack.com:443", place))


def tell(
    platform: Platform, url: str, body: Any, *, key: str = KEY, at: float = 0.0
) -> httpx.Response:
    raw = json.dumps(body).encode()
    stamp = str(int(at or SystemClock().now()))
    signed = hmac.new(key.encode(), b"v0:%s:%s" % (stamp.encode(), raw), hashlib.sha256)
    headers = {
        "content-type": "application/json",
        "host": f"helpdesk.localhost:{platform.port}",
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": f"v0={signed.hexdigest()}",
    }
    return platform.http.post(url, content=raw, headers=headers)


def mention(text: str, *, ts: str) -> dict[str, Any]:
    event = {"type": "app_mention", "channel": "C1", "ts": ts, "text": f"<@U9> {text}"}
    return {"type": "event_callback", "event_id": f"Ev{ts}", "event": event}


def test_it_answers_in_the_channel(platform: Platform, bot: str, chat: Chat) -> None:
    for ts, text, said in (
        ("1.1", "note milk and tea", "Noted as number 1."),
        ("1.2", "note bread", "Noted as number 2."),
        ("1.3", "done 1", "Done: milk and tea."),
        ("1.4", "notes", "1. bread"),
    ):
        assert tell(platform, bot, mention(text, ts=ts)).status_code == 202
        assert chat.next_text() == said


def test_what_is_told_twice_is_answered_once(platform: Platform, bot: str, chat: Chat) -> None:
    for _ in range(2):
        assert tell(platform, bot, mention("help", ts="2.1")).status_code == 202
    assert chat.next_text().startswith("I keep notes")
    assert tell(platform, bot, mention("notes", ts="2.2")).status_code == 202
    assert not chat.next_text().startswith("I keep notes")


def test_it_says_who_it_is_when_slack_asks(platform: Platform, bot: str, chat: Chat) -> None:
    answer = tell(platform, bot, {"type": "url_verification", "challenge": "c0ffee"})
    assert answer.status_code == 200
    assert "c0ffee" in answer.text


def test_who_cannot_sign_is_not_heard(platform: Platform, bot: str, chat: Chat) -> None:
    assert tell(platform, bot, mention("notes", ts="3.1"), key="guessed").status_code == 401
    old = SystemClock().now() - 3600
    assert tell(platform, bot, mention("notes", ts="3.2"), at=old).status_code == 401
    assert chat.posted.empty()
