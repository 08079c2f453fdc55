"""Make .venv hold what requirements.lock says, and this project; do nothing if it does already."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed"
LOCK = ROOT / "requirements.lock"
PIP_OLDEST = (22, 3)  # The first pip that can install into another interpreter (--python).


class CannotSetUp(Exception):
    """The machine lacks something that we may not or cannot put there; the message says what."""


def main() -> int:
    """Bring .venv up to date; print what is being done, and nothing when there is nothing to do."""
    try:
        set_up()
    except CannotSetUp as error:
        print(f"bootstrap: {error}", file=sys.stderr)
        return 1
    return 0


def set_up() -> None:
    """Create, fill and stamp the environment.

    Raises:
        CannotSetUp: with a sentence that says what to do.
    """
    wanted = fingerprint()
    if usable(PYTHON) and STAMP.is_file() and STAMP.read_text() == wanted:
        return
    began = time.monotonic()
    if not usable(PYTHON):
        say(f"making .venv with Python {sys.version.split()[0]} ({sys.executable})")
        make_venv()
    say("installing what requirements.lock names (hashes checked) into .venv")
    STAMP.unlink(missing_ok=True)
    hashed = ("--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", str(LOCK))
    pip(*hashed)
    pip("--no-deps", "--no-build-isolation", "-e", str(ROOT))
    STAMP.write_text(wanted)
    say(f"ready after {time.monotonic() - began:.0f} s")


def fingerprint() -> str:
    """Say in a few letters what the environment should hold."""
    digest = hashlib.sha256()
    for file in (LOCK, ROOT / "pyproject.toml"):
        digest.update(file.read_bytes())
    return f"{digest.hexdigest()}\n"


def usable(python: Path) -> bool:
    """Say whether this interpreter runs and is one of those we support."""
    check = "import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))"
    try:
        return subprocess.run([python, "-c", check], capture_output=True).returncode == 0
    except OSError:
        return False


def make_venv() -> None:
    """Make the environment, with pip in it if that is to be had, else without."""
    if VENV.exists():
        shutil.rmtree(VENV)
    if not has("ensurepip") and not has_pip_for_others():
        install_venv_package()
    without = [] if has("ensurepip") else ["--without-pip"]
    run([sys.executable, "-m", "venv", *without, str(VENV)])


def has(module: str) -> bool:
    """Ask a fresh interpreter, because a package may have been installed since we began."""
    check = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
    return subprocess.run([sys.executable, "-c", check]).returncode == 0


def has_pip_for_others() -> bool:
    """Say whether our own interpreter has a pip that can install into another one."""
    if importlib.util.find_spec("pip") is None:
        return False
    said = subprocess.run(
        [sys.executable, "-m", "pip", "--version"], capture_output=True, text=True
    ).stdout.split()
    digits = said[1].split(".") if len(said) > 1 else ["0"]
    return tuple(int(digit) for digit in digits[:2] if digit.isdigit()) >= PIP_OLDEST


def install_venv_package() -> None:
    """Debian cuts ensurepip out of Python; as root we put it back."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    package = f"python{version}-venv"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise CannotSetUp(
            f"this Python ({sys.executable}) can make no virtual environment. "
            f"As root: apt-get install {package}. Then run the same command again."
        )
    say(f"installing the system package {package}, which this Python lacks")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "-qq"], environment=quiet)
    run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", package], environment=quiet)


def pip(*arguments: str) -> None:
    """Install with the pip that this machine's configuration is for, into .venv."""
    inside = subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True).returncode == 0
    program = (
        [str(PYTHON), "-m", "pip"]
        if inside
        else [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    )
    run([*program, "install", "--quiet", "--disable-pip-version-check", *arguments])


def run(command: Sequence[str], *, environment: dict[str, str] | None = None) -> None:
    """Run a step to its end; what it says on failure is what the user sees."""
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        raise CannotSetUp(f"this failed: {' '.join(command)}\n{done.stdout.rstrip()}")


def say(sentence: str) -> None:
    """Tell the person in front of the screen what takes so long."""
    print(f"bootstrap: {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
