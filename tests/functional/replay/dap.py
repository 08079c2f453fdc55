"""An editor's side of the Debug Adapter Protocol, as far as a test needs it."""

import json
import socket
from types import TracebackType
from typing import Any, Self

WAIT_S = 30.0


class Debugger:
    """Speaks to debugpy as an editor does."""

    def __init__(self, port: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", int(port)), timeout=WAIT_S)
        self._file = self._socket.makefile("rwb")
        self._seq = 0
        self._events: list[dict[str, Any]] = []
        self._answers: dict[int, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self._socket.close()

    def attach(self, file: str, *, line: int) -> None:
        """Attach, with a breakpoint."""
        self._ask("initialize", {"adapterID": "test", "pathFormat": "path"})
        attached = self._send("attach", {"justMyCode": True})
        self._wait_event("initialized")
        source = {"path": file}
        self._ask("setBreakpoints", {"source": source, "breakpoints": [{"line": line}]})
        self._ask("configurationDone", {})
        self._wait_answer(attached)

    def wait_stopped(self) -> int:
        """Wait until a breakpoint is reached; give the thread."""
        thread: int = self._wait_event("stopped")["body"]["threadId"]
        return thread

    def top_frame(self, thread: int) -> dict[str, Any]:
        frames = self._ask("stackTrace", {"threadId": thread})["stackFrames"]
        top: dict[str, Any] = frames[0]
        return top

    def evaluate(self, text: str, frame: int) -> str:
        asked = {"expression": text, "frameId": frame, "context": "repl"}
        return str(self._ask("evaluate", asked)["result"])

    def go_on(self, thread: int) -> None:
        self._ask("continue", {"threadId": thread})

    def wait_over(self) -> None:
        """Wait until the program has ended."""
        self._wait_event("terminated")

    def _send(self, command: str, arguments: dict[str, Any]) -> int:
        self._seq += 1
        said = {"seq": self._seq, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(said).encode()
        self._file.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self._file.flush()
        return self._seq

    def _ask(self, command: str, arguments: dict[str, Any]) -> dict[str, Any]:
        return self._wait_answer(self._send(command, arguments))

    def _wait_answer(self, seq: int) -> dict[str, Any]:
        while seq not in self._answers:
            self._read()
        answer = self._answers.pop(seq)
        assert answer["success"], answer
        body: dict[str, Any] = answer.get("body", {})
        return body

    def _wait_event(self, name: str) -> dict[str, Any]:
        while True:
            for event in self._events:
                if event["event"] == name:
                    self._events.remove(event)
                    return event
            self._read()

    def _read(self) -> None:
        size = 0
        while line := self._file.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                size = int(value)
        assert size, "debugpy hung up"
        message = json.loads(self._file.read(size))
        if message["type"] == "event":
            self._events.append(message)
        elif message["type"] == "response":
            self._answers[message["request_seq"]] = message
