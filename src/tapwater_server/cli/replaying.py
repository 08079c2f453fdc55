"""Runs a recorded call on the working copy: this end is the platform, the other the function.

The other end is a process of its own, with the interpreter that has what the app needs. It has the
terminal, for a debugger; it speaks the same frames as an instance, and this end answers its
questions from the recording, or asks the server.
"""

import asyncio
import base64
import json
import re
import shlex
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import tapwater
from tapwater.runtime.wire import (
    Decoder,
    Frame,
    Invoke,
    Kind,
    Verb,
    pack,
    pack_invoke,
    pack_window,
    read_ask,
    read_body,
    read_result,
)
from tapwater_server.cli.client import Client, path_of
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.project import read_manifest
from tapwater_server.cli.replay_answers import Answers
from tapwater_server.cli.session import Session
from tapwater_server.cli.showing import plain
from tapwater_server.model.differences import Ended, differences
from tapwater_server.model.masking import mask_headers, mask_json
from tapwater_server.model.playback import topic_of
from tapwater_server.model.recording import ANSWER_BYTES_MAX
from tapwater_server.model.tape import Question

_READ_BYTES = 64 << 10
_VERBS = {"http": Verb.HTTP, "event": Verb.EVENT}
_MISSING = re.compile(r"ModuleNotFoundError: No module named '([A-Za-z0-9_.]+)'")
# Loads the guest's package alone: what lies beside it belongs to another interpreter, maybe.
_BOOT = """
import importlib.util, sys
place, said = sys.argv[1:3]
spec = importlib.util.spec_from_file_location(
    "tapwater", place + "/__init__.py", submodule_search_locations=[place])
module = sys.modules["tapwater"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
from tapwater.testing.replaying import main
sys.argv[1:] = []
sys.exit(main(said))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """What was said of a replay on this machine."""

    folder: Path
    python: Path | None = None
    secrets: Sequence[str] = ()
    live: bool = False
    unknown_live: bool = False
    debugger: str = ""  # "pdb", "debugpy:5678"


@dataclass(slots=True)
class _Outcome:
    """What came of the call so far."""

    ending: str = ""
    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    message: str = ""
    trace: str = ""
    more: bool = False

    def take(self, kind: int, payload: bytes) -> bool:
        """Take a frame of the answer; say whether it was the last."""
        if kind == Kind.RESULT:
            self.status, self.more, self.headers, first = read_result(payload)
            self.body += first
            self.ending = "ok"
            return not self.more
        if kind == Kind.BODY:
            data, _ = read_body(payload)
            self.body += data[: max(0, ANSWER_BYTES_MAX - len(self.body))]
        elif kind == Kind.FAIL:
            told = json.loads(payload)
            self.ending, self.message = told["ending"], told["message"]
            self.trace = told.get("trace", "")
        return kind in (Kind.FAIL, Kind.DONE)


async def replay_here(session: Session, client: Client, id: str, local: Local) -> Mapping[str, Any]:
    """Run it, and give both outcomes and their differences as the server would."""
    recording = await client.get(path_of("recordings", id))
    if recording["request"]["body_cut"]:
        raise CommandFailed("the request was too large to be recorded whole")
    folder = local.folder.expanduser().absolute()
    file = str(recording["file"])
    if not file:
        raise CommandFailed(
            f"{recording['app']} was written for another cloud, and runs on the server only",
            exit=Exit.USAGE,
            code="usage",
            hint="Send the mended code there, then replay with --revision live, not --local.",
        )
    if not (folder / file).is_file():
        raise CommandFailed(
            f"{folder} has no {file}: it is no working copy of {recording['app']}",
            exit=Exit.USAGE,
            code="usage",
            hint="Say where it is with --folder.",
        )
    python = local.python or find_python(folder)
    answers = Answers(
        client,
        app=recording["app"],
        questions=[] if local.live else [_question(one) for one in recording["questions"]],
        live=local.live,
        unknown_live=local.unknown_live,
        secrets=local.secrets,
    )
    if not session.json:
        session.say(f"[dim]{file} with {python}[/dim]")
    async with _process(python, recording, folder, local.debugger) as (reader, writer):
        outcome = await _converse(reader, writer, recording, answers)
    _explain(session, outcome, python=python, folder=folder)
    return _compared(recording, outcome, answers)


def find_python(folder: Path) -> Path:
    """Take the interpreter of the folder's environment, else the one that runs this command."""
    for place in (folder, *folder.parents):
        found = place / ".venv" / "bin" / "python"
        if found.is_file():
            return found
    return Path(sys.executable)


@asynccontextmanager
async def _process(
    python: Path, recording: Mapping[str, Any], folder: Path, debugger: str
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    ours, theirs = socket.socketpair()
    said = {"fd": theirs.fileno(), "debugger": debugger, "image": _image(recording, folder)}
    place = str(Path(tapwater.__file__).parent)
    try:
        process = await asyncio.create_subprocess_exec(
            python, "-c", _BOOT, place, json.dumps(said), cwd=folder, pass_fds=[theirs.fileno()]
        )
    except OSError as error:
        ours.close()
        raise CommandFailed(f"{python} cannot be run: {error.strerror}") from error
    finally:
        theirs.close()
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    loop = asyncio.get_running_loop()
    # Ctrl-C is for who has the terminal: the debugger, or the function.
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    try:
        yield reader, writer
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        writer.close()
        if process.returncode is None:
            await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Without its socket it ends by itself; who cancels does not wait for that."""
    try:
        await process.wait()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise


def _image(recording: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    settings = read_manifest(folder)
    own = dict(settings.get("functions", {})).get(recording["function"], {})
    environment = {
        **dict(settings.get("env", {})),
        **dict(dict(settings.get("defaults", {})).get("environment", {})),
        **dict(dict(own).get("environment", {})),
    }
    return {
        "code": str(folder),
        "module": recording["file"],
        "function": f"{recording['app']}:{recording['function']}",
        "revision": "local",
        "environment": environment,
        "settings": settings.get("settings", {}),
    }


async def _converse(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    recording: Mapping[str, Any],
    answers: Answers,
) -> _Outcome:
    writer.write(pack_invoke(1, _invoke(recording["request"])) + pack(Kind.STOP, 0))
    outcome = _Outcome()
    async for kind, _, payload in _frames(reader):
        if kind == Kind.ASK:
            ask, name, body = read_ask(payload)
            writer.write(await answers.answer(ask, name, body))
        elif outcome.take(kind, payload):
            return outcome
        elif kind == Kind.BODY:
            writer.write(pack_window(1, len(payload)))
    outcome.ending, outcome.message = "crashed", "the process ended before the call did"
    return outcome


async def _frames(reader: asyncio.StreamReader) -> AsyncIterator[Frame]:
    decoder = Decoder()
    while data := await reader.read(_READ_BYTES):
        for frame in decoder.feed(data):
            yield frame


def _invoke(request: Mapping[str, Any]) -> Invoke:
    params, user = request["params"], request["user"]
    return Invoke(
        verb=_VERBS[request["verb"]],
        more=False,
        timeout_s=0.0,  # A person in a debugger has time.
        depth=0,
        id=b"local",
        method=request["method"].encode(),
        path=request["path"].encode(),
        root_path=request["root_path"].encode(),
        query=request["query"].encode(),
        scheme=request["scheme"].encode(),
        client=request["client"].encode(),
        params=json.dumps(params).encode() if params else b"",
        user=json.dumps(user).encode() if user is not None else b"",
        trace=b"",
        headers=[(name.encode("latin-1"), value.encode()) for name, value in request["headers"]],
        body=_body(request),
    )


def _body(shown: Mapping[str, Any]) -> bytes:
    if "body_base64" in shown:
        return base64.b64decode(shown["body_base64"])
    return str(shown["body"]).encode()


def _question(shown: Mapping[str, Any]) -> Question:
    return Question(
        name=shown["name"],
        body=base64.b64decode(shown["body_base64"]),
        answer=base64.b64decode(shown["answer_base64"]),
        fine=shown["fine"],
        answered=shown["answered"],
        kept=shown["kept"],
    )


def _explain(session: Session, outcome: _Outcome, *, python: Path, folder: Path) -> None:
    """Show the traceback, and what to do where a package is missing."""
    if outcome.trace:
        from rich.text import Text

        session.whisper(Text(plain(outcome.trace.rstrip()), style="dim"))
    missing = _MISSING.search(outcome.trace)
    if missing is not None:
        session.warn(f"{python} lacks {missing[1]}: {install_command(python, folder, missing[1])}")


def install_command(python: Path, folder: Path, package: str) -> str:
    """Say how the interpreter gets what the app needs."""
    what = shlex.quote(package.partition(".")[0])
    if (folder / "requirements.txt").is_file():
        what = f"-r {shlex.quote(str(folder / 'requirements.txt'))}"
    elif (folder / "pyproject.toml").is_file():
        what = f"-r {shlex.quote(str(folder / 'pyproject.toml'))}"
    return f"uv pip install --python {shlex.quote(str(python))} {what}"


def _compared(
    recording: Mapping[str, Any], outcome: _Outcome, answers: Answers
) -> Mapping[str, Any]:
    then = recording["outcome"]
    before = Ended(
        ending=then["ending"],
        status=then["status"],
        headers=[(name.encode("latin-1"), value.encode()) for name, value in then["headers"]],
        body=_body(then),
        message=then["message"],
        questions=[_question(one) for one in recording["questions"]],
    )
    after = Ended(
        ending=outcome.ending,
        status=outcome.status,
        headers=mask_headers(outcome.headers),
        body=mask_json(bytes(outcome.body[:ANSWER_BYTES_MAX])),
        message=outcome.message,
        questions=answers.asked,
    )
    return {
        "invocation": "local",
        "replay_of": recording["id"],
        "app": recording["app"],
        "function": recording["function"],
        "before": then,
        "after": {
            "ending": after.ending,
            "status": after.status,
            "message": after.message,
            "body": after.body.decode("utf-8", "replace"),
        },
        "differences": [asdict(one) for one in differences(before, after)],
        "unknown": [topic_of(*pair) for pair in answers.unknown],
    }
