"""What a function that runs here asks: answered from the recording, or by the server."""

import json
import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from tapwater.runtime.wire import pack_answer
from tapwater_server.cli.client import API, Client, path_of
from tapwater_server.cli.failures import CommandFailed
from tapwater_server.cli.sending import read_pairs
from tapwater_server.model.playback import (
    CALL,
    SERVICE,
    Match,
    Playback,
    join_frame,
    masked_question,
    split_frame,
    topic_of,
)
from tapwater_server.model.tape import SECRET, Question

_OWN_HEADERS = frozenset({"authorization", "host", "content-length"})


class Refused(Exception):
    """The function is told no."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Answers:
    """Answers one question after the other, and remembers them for the comparison."""

    def __init__(
        self,
        client: Client,
        *,
        app: str,
        questions: Sequence[Question],
        live: bool,
        unknown_live: bool,
        secrets: Sequence[str],
    ) -> None:
        self._client, self._app = client, app
        self._playback = Playback(questions)
        self._live, self._unknown_live = live, unknown_live
        self._secrets = dict(read_pairs(secrets))
        self.asked: list[Question] = []
        self.unknown: list[tuple[str, bytes]] = []

    async def answer(self, ask: int, name: str, body: bytes) -> bytes:
        """Give the frame that answers a question."""
        fine = True
        try:
            told = await self._find(name, body)
        except Refused as error:
            fine, told = False, _problem(error.code, str(error))
        except CommandFailed as error:
            fine, told = False, _problem(error.code, error.message)
        self.asked.append(
            Question(name=name, body=masked_question(name, body, ()), fine=fine, answered=True)
        )
        return pack_answer(1, ask, told, fine=fine)

    async def _find(self, name: str, body: bytes) -> bytes:
        if name == SECRET:
            return self._secret(str(json.loads(body)["name"]))
        if self._live:
            return await self._ask(name, body)
        found = self._playback.find(name, body)
        if found.match is Match.UNKNOWN:
            self.unknown.append((name, body))
            if self._unknown_live:
                return await self._ask(name, body)
            raise Refused(
                "not_recorded",
                f"the recording has no answer to {topic_of(name, body)[:200]}: replay it with "
                "--live, or with --unknown-live",
            )
        assert found.question is not None
        if found.question.fine:
            return found.question.answer
        told = json.loads(found.question.answer)
        raise Refused(str(told.get("code", "internal")), str(told.get("message", "")))

    def _secret(self, name: str) -> bytes:
        value = self._secrets.get(name, os.environ.get(name))
        if value is None:
            raise Refused(
                "not_found", f"secrets are not recorded: give it with --secret {name}=VALUE"
            )
        return json.dumps({"value": value}).encode()

    async def _ask(self, name: str, body: bytes) -> bytes:
        if name == SERVICE:
            return await self._ask_service(body)
        if name == CALL:
            return await self._call(json.loads(body))
        raise Refused("not_found", f"there is no binding called {name[:64]!r}")

    async def _ask_service(self, frame: bytes) -> bytes:
        head, body = split_frame(frame)
        path = f"{API}/apps/{quote(self._app)}{head.get('path', '')}"
        given = dict(head.get("headers", {}))
        headers = {key: value for key, value in given.items() if key not in _OWN_HEADERS}
        status, told, answer = await self._client.raw(
            str(head.get("method", "GET")),
            path,
            query=dict(head.get("query", {})),
            headers=headers,
            content=body,
        )
        return join_frame({"status": status, "headers": told}, answer)

    async def _call(self, asked: dict[str, Any]) -> bytes:
        function = str(asked.pop("function"))
        answer = await self._client.ask(
            "POST", path_of("apps", self._app, "call", function), body=asked, timeout_s=None
        )
        return json.dumps({**answer, "body": _content(answer)}).encode()


def _content(answer: dict[str, Any]) -> Any:
    """The body as the function would get it: JSON where it says so, else text."""
    body = answer.get("body", "")
    if "json" in str(dict(answer.get("headers") or {}).get("content-type", "")):
        try:
            return json.loads(body)
        except (TypeError, ValueError, RecursionError):
            pass  # It said JSON and is not: the caller gets the text.
    return body


def _problem(code: str, message: str) -> bytes:
    return json.dumps({"code": code, "message": message}).encode()
