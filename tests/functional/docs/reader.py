"""A reader who does what a page says: writes files, types commands, compares the answers."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.docs_blocks import Act, Block, Command, fits, read_commands
from tests.functional.running import REPOSITORY, Platform
from tests.functional.waiting import until

WRITTEN_PORT = 8080  # As the docs write it; here it is another one.
COMMAND_S_MAX = 120.0
# What the isolation of this machine lacks is told at every start, and is no part of a page.
_MISSING = re.compile(r"^warning: [^\n]+ is missing \([^\n]*\n", re.M)
_EVAL = re.compile(r'eval "\$\(.+\)"')  # Holds for all commands that follow, as cd does.
_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")


class Reader:
    """Follows one page in a folder of its own.

    A page that starts a platform itself (in the background) has that one; every other page finds
    one that runs, as after ``tapwater login``.
    """

    def __init__(self, home: Path, *, platform: Platform | None) -> None:
        self._folder = home / "folder"
        self._folder.mkdir(parents=True)
        (self._folder / "examples").symlink_to(REPOSITORY / "examples")
        self._port = platform.port if platform else 0
        self._environment = _environment(home, platform)
        # To a terminal, which a reader has and we have not, curl shows no progress.
        (home / ".curlrc").write_text("silent\nshow-error\n")
        self._log = home / "background.log"
        self._seen = 0  # characters of the log that earlier blocks have shown
        self._running: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._running is not None:
            self._running.send_signal(signal.SIGINT)
            code = self._running.wait(60)
            assert kind is not None or code == 0, f"Ctrl-C ended it with {code}:\n{self._said()}"

    def follow(self, block: Block) -> None:
        """Do what one block says."""
        match block.act:
            case Act.WRITE:
                file = self._folder / block.file
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(block.text)
            case Act.RUN:
                commands = read_commands(block)
                for command in commands:
                    last = command is commands[-1]
                    self._run(command, block.line, code=block.exit if last else 0)
            case Act.BACKGROUND:
                (command,) = read_commands(block)
                self._start(command)
            case Act.WAIT:
                self._wait(block.text)

    def _exported(self, command: str) -> Mapping[str, str]:
        """Run a command in a shell, and give the variables that this shell has then."""
        done = subprocess.run(
            ["sh", "-euc", f"{command}; env -0"],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_S_MAX,
            check=True,
        )
        pairs = (one.partition("=") for one in done.stdout.split("\0") if one)
        return {name: value for name, _, value in pairs}

    def _run(self, command: Command, line: int, *, code: int) -> None:
        if command.text.startswith("cd "):
            self._folder = self._folder / command.text[3:].strip()
            return
        if _EVAL.fullmatch(command.text):
            self._environment = {**self._environment, **self._exported(command.text)}
            return
        done = subprocess.run(
            ["sh", "-euc", self._here(command.text)],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_S_MAX,
        )
        said, where = self._there(done.stdout), f"line {line}: {command.text}"
        assert done.returncode == code, f"{where}\nended with {done.returncode}:\n{said}"
        if command.expected is not None:
            assert fits(command.expected, said), (
                f"{where}\nthe page says:\n{command.expected}\nit said:\n{said}"
            )

    def _start(self, command: Command) -> None:
        assert self._running is None, "one thing in the background is enough for a page"
        environment = {**self._environment, "TAPWATER_PORT": "0"}
        with self._log.open("wb") as log:
            self._running = subprocess.Popen(
                ["sh", "-euc", f"exec {command.text}"],
                cwd=self._folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._port = self._served_port()
        self._wait(command.expected or "")

    def _served_port(self) -> int:
        try:
            until(lambda: _ADDRESS.search(self._said()) is not None, "it serves")
        except AssertionError:
            raise AssertionError(f"it does not say where it serves:\n{self._said()}") from None
        found = _ADDRESS.search(self._said())
        assert found is not None
        return int(found[1])

    def _wait(self, expected: str) -> None:
        """Wait until what is new in the background fits; what comes later is the next block's."""
        new = ""

        def said() -> bool:
            nonlocal new
            new = self._said()[self._seen :]
            return fits(expected, self._there(new))

        try:
            until(said, "the background says what the page says")
        except AssertionError:
            raise AssertionError(f"the page says:\n{expected}\nit said:\n{new}") from None
        self._seen += len(new)

    def _said(self) -> str:
        return self._log.read_text(errors="replace")

    def _here(self, text: str) -> str:
        return text.replace(f":{WRITTEN_PORT}", f":{self._port}")

    def _there(self, text: str) -> str:
        return _MISSING.sub("", text).replace(f":{self._port}", f":{WRITTEN_PORT}")


def _environment(home: Path, platform: Platform | None) -> Mapping[str, str]:
    """What a reader's shell has: nothing of ours, but for the platform if one runs."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TAPWATER_")}
    found = {"TAPWATER_URL": platform.url, "TAPWATER_TOKEN": platform.token} if platform else {}
    return {
        **clean,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "XDG_DATA_HOME": str(home / "share"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "CURL_HOME": str(home),
        "COLUMNS": "140",
        **found,
    }
