"""Builds an app's dependencies with uv: once per lock, into a folder that all apps share.

Only wheels are installed, each against its hash: no code of a package runs while it is built.
"""

import re
import signal
import subprocess
import sysconfig
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tapwater_server.control.interpreters import Interpreter
from tapwater_server.control.requirements import Wanted, layer_digest, lock_key
from tapwater_server.model.errors import DeployFailed
from tapwater_server.ports.folders import Folders

LAYERS, LOCKS = "layers", "locks"
LOCK_FILE = "requirements.lock"
BUILD_S_MAX = 900.0  # Large wheels on a slow line.
_OUTPUT_CHARS_MAX = 64 << 10
_COMPILE = ("pip", "compile", "--generate-hashes", "--no-header", "--no-annotate", "--quiet")
_INSTALL = ("pip", "install", "--require-hashes", "--no-deps", "--compile-bytecode")
_DRAWN = re.compile(r"[\u00d7\u2500-\u257f\u25b6]+")  # The frames uv draws around its reasons.
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")

Said = Callable[[str], None]  # told each line of progress; called from another thread


class Layers:
    """Makes the layer of an app, or finds it made."""

    def __init__(
        self, *, folders: Folders, uv: str, cache: Path, environment: Mapping[str, str]
    ) -> None:
        self._folders = folders
        self._uv = uv
        self._cache = cache
        self._environment = dict(environment)

    def key(self, wanted: Wanted, python: Interpreter) -> str:
        """Name the question "what does this resolve to"; "" when it needs no asking."""
        if wanted.locked:
            return ""
        return lock_key(wanted, python=python.minor, platform=sysconfig.get_platform())

    async def lock(self, wanted: Wanted, python: Interpreter, *, said: Said) -> str:
        """Resolve to exact versions with hashes. Each question is asked once: the answer is kept
        as long as a revision that was made with it.

        Raises:
            DeployFailed: there is no set of versions that fits, or the index cannot be reached.
        """
        if wanted.locked:
            return wanted.text

        def fill(folder: Path) -> None:
            (folder / LOCK_FILE).write_text(self._resolve(wanted, python, said))

        folder = await self._folders.put(LOCKS, self.key(wanted, python), fill)
        return (folder / LOCK_FILE).read_text()

    def digest(self, lock: str, python: Interpreter) -> str:
        """Name the layer that a lock gives for one Python on this kind of machine."""
        return layer_digest(lock, python=python.minor, platform=sysconfig.get_platform())

    async def build(self, lock: str, python: Interpreter, *, source: str, said: Said) -> Path:
        """Install what a lock says, unless that has been done.

        Raises:
            DeployFailed: a wheel is missing, or is not what its hash says.
        """

        def fill(folder: Path) -> None:
            self._install(lock, python, folder, source, said)

        return await self._folders.put(LAYERS, self.digest(lock, python), fill)

    def _resolve(self, wanted: Wanted, python: Interpreter, said: Said) -> str:
        with tempfile.TemporaryDirectory(prefix="tapwater-lock-") as scratch:
            asked, lock = Path(scratch, "requirements.in"), Path(scratch, LOCK_FILE)
            asked.write_text(wanted.text + "\n")
            self._run(
                [*_COMPILE, "--output-file", str(lock), str(asked)],
                python=python,
                source=wanted.source,
                said=said,
            )
            return lock.read_text()

    def _install(
        self, lock: str, python: Interpreter, folder: Path, source: str, said: Said
    ) -> None:
        with tempfile.TemporaryDirectory(prefix="tapwater-layer-") as scratch:
            file = Path(scratch, LOCK_FILE)
            file.write_text(lock + "\n")
            self._run(
                [*_INSTALL, "--target", str(folder), "--requirements", str(file)],
                python=python,
                source=source,
                said=said,
            )
        (folder / ".lock").unlink(missing_ok=True)

    def _run(
        self, arguments: Sequence[str], *, python: Interpreter, source: str, said: Said
    ) -> None:
        """Run uv to its end in this thread, telling each line it says."""
        command = [self._uv, *arguments, "--only-binary", ":all:", "--python", python.path]
        command += ["--cache-dir", str(self._cache), "--no-progress", "--color", "never"]
        command += ["--no-python-downloads"]
        process = subprocess.Popen(
            command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        lines = _listen(process, said)
        if process.returncode != 0:
            raise DeployFailed(
                f"The dependencies in {source} cannot be installed.",
                problems=[{"where": source, "what": readable(lines)}],
            )


def _listen(process: "subprocess.Popen[str]", said: Said) -> list[str]:
    """Hear a process out, and end it when it takes too long."""
    assert process.stderr is not None
    lines: list[str] = []
    chars = 0
    late = threading.Timer(BUILD_S_MAX, process.kill)
    late.start()
    try:
        with process:
            for line in process.stderr:
                chars += len(line)
                if chars <= _OUTPUT_CHARS_MAX:
                    lines.append(line.rstrip())
                    said(line.strip())
    finally:
        late.cancel()
    if process.returncode == -signal.SIGKILL:
        lines.append(f"uv was ended after {BUILD_S_MAX:.0f} s, or killed by the system")
    return lines


def readable(lines: Sequence[str]) -> str:
    """Turn what uv says about a failure into a sentence or two.

    >>> readable(["error: No solution found:", "  Because a was not found", "  and b."])
    'No solution found: Because a was not found and b.'
    """
    text = _COLOUR.sub("", "\n".join(lines))
    text = re.sub(r"(?m)^(error|warning|hint): ", "", text)
    text = _DRAWN.sub(" ", text)
    return " ".join(text.split())[:4000] or "uv failed and said nothing"
