"""The other end of a guest's socket, for tests: a forked runner and what it says."""

import json
import logging
import os
import socket
import textwrap
import traceback
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tapwater.runtime import wire
from tapwater.runtime.loading import load
from tapwater.runtime.runner import run

ANSWER_S_MAX = 20.0


@dataclass(slots=True)
class Told:
    """All that a guest said about one call."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[bytes] = field(default_factory=list)
    messages: list[str | bytes] = field(default_factory=list)
    logs: list[tuple[int, str]] = field(default_factory=list)
    said: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    failure: dict[str, Any] | None = None
    code: int | None = None
    ended: bool = False

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    def json(self) -> Any:
        return json.loads(self.body)


class Host:
    """Forks a guest that runs one module, and talks to it in frames."""

    def __init__(
        self,
        folder: Path,
        source: str,
        *,
        file: str = "users/restful/one.py",
        late: bool = False,
        image: dict[str, Any] | None = None,
    ) -> None:
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(source))
        self.image: dict[str, Any] = {
            "code": str(folder),
            "module": file,
            "function": "shop:users/one",
        }
        self.image |= {"layer": "", "environment": {}, "settings": {}, **(image or {})}
        self.sock, theirs = socket.socketpair()
        self.sock.settimeout(ANSWER_S_MAX)
        self._decoder = wire.Decoder()
        self._number = 0
        self.told: dict[int, Told] = {0: Told()}
        self.hello: dict[str, Any] | None = None
        self.granted = 0
        self.credits = True  # whether answers are given more room as they come
        with warnings.catch_warnings():
            # The child runs nothing of the threads that a test runner may have.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if self.pid == 0:
            self._live(theirs, late)
        theirs.close()

    def _live(self, sock: socket.socket, late: bool) -> None:
        code = 1
        try:
            self.sock.close()
            logging.getLogger().handlers.clear()  # the test runner's
            run(sock, None if late else load(self.image), self.image)
            code = 0
        except SystemExit as error:
            code = int(error.code or 0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)

    def start(
        self,
        method: str = "GET",
        path: str = "/",
        *,
        verb: int = wire.Verb.HTTP,
        query: str = "",
        body: bytes = b"",
        data: Any = None,
        headers: dict[str, str] | None = None,
        more: bool = False,
        root_path: str = "",
        params: dict[str, str] | None = None,
        user: dict[str, Any] | None = None,
        timeout_s: float = 30.0,
    ) -> int:
        """Send an INVOKE; gives the call's number."""
        self._number += 1
        self.told[self._number] = Told()
        if data is not None:
            body = json.dumps(data).encode()
        invoke = wire.Invoke(
            verb=verb,
            more=more,
            timeout_s=timeout_s,
            depth=0,
            id=b"inv-%d" % self._number,
            method=method.encode(),
            path=path.encode(),
            root_path=root_path.encode(),
            query=query.encode(),
            scheme=b"http",
            client=b"192.0.2.1",
            params=json.dumps(params).encode() if params else b"",
            user=json.dumps(user).encode() if user else b"",
            trace=b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            headers=[(k.encode(), v.encode()) for k, v in (headers or {}).items()],
            body=body,
        )
        self.sock.sendall(wire.pack_invoke(self._number, invoke))
        return self._number

    def call(self, *args: Any, **more: Any) -> Told:
        """One whole call."""
        return self.wait_end(self.start(*args, **more))

    def send(self, frame: bytes) -> None:
        self.sock.sendall(frame)

    def cancel(self, number: int, reason: str = "the caller has gone") -> None:
        self.send(wire.pack(wire.Kind.CANCEL, number, reason.encode()))

    def wait_end(self, number: int) -> Told:
        """Read until the call is over."""
        while not self.told[number].ended:
            self.step()
        return self.told[number]

    def step(self) -> list[wire.Frame]:
        """Read once; gives the frames that came."""
        data = self.sock.recv(1 << 16)
        if not data:
            raise EOFError("the guest has ended")
        frames = self._decoder.feed(data)
        for frame in frames:
            self._take(*frame)
        return frames

    def _take(self, kind: int, number: int, payload: bytes) -> None:
        told = self.told[number]
        assert not told.ended or kind == wire.Kind.LOG, "a frame after the end"
        if kind == wire.Kind.HELLO:
            self.hello = json.loads(payload)
        elif kind == wire.Kind.RESULT:
            assert not told.status, "a second result"
            told.status, more, headers, body = wire.read_result(payload)
            told.headers = {k.decode(): v.decode("latin-1") for k, v in headers}
            told.pieces += [body] if body else []
            told.ended = not more
        elif kind == wire.Kind.BODY:
            self._take_body(told, number, payload)
        elif kind == wire.Kind.SAID:
            end = 5 + int.from_bytes(payload[1:5], "little")
            told.said.append((payload[0], payload[5:end].decode(), json.loads(payload[end:])))
        elif kind == wire.Kind.SPAN:
            told.steps.append(json.loads(payload))
        elif kind == wire.Kind.LOG:
            told.logs.append((payload[0] & 0x0F, payload[1:].decode()))
        else:
            self._take_rest(told, kind, payload)

    def _take_body(self, told: Told, number: int, payload: bytes) -> None:
        data, _ = wire.read_body(payload)
        told.pieces += [data] if data else []
        if self.credits and data:
            self.send(wire.pack_window(number, len(data)))

    def _take_rest(self, told: Told, kind: int, payload: bytes) -> None:
        if kind == wire.Kind.FAIL:
            told.failure, told.ended = json.loads(payload), True
        elif kind == wire.Kind.DONE:
            told.code, told.ended = wire.read_u16(payload), True
        elif kind == wire.Kind.MESSAGE:
            told.messages.append(wire.read_message(payload))
        elif kind == wire.Kind.WINDOW:
            self.granted += wire.read_u32(payload)
        else:
            assert kind == wire.Kind.ASK, f"a frame of kind {kind}"

    def stop(self) -> int:
        """Say STOP and wait for the end; gives the exit code."""
        self.send(wire.pack(wire.Kind.STOP, 0))
        return self.wait_exit()

    def wait_exit(self) -> int:
        """Wait for the guest's end."""
        try:
            while self.sock.recv(1 << 16):
                pass
        except ConnectionResetError:
            pass  # It left something unread: it has ended all the same.
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        """End it, however it is."""
        self.sock.close()
        if self.pid:
            os.kill(self.pid, 9)
            os.waitpid(self.pid, 0)
