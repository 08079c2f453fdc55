"""Where the command finds things: the server's address, a token, the data directory, logins."""

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from tapwater_server.cli.failures import CommandFailed, Exit

DEFAULT_URL = "http://127.0.0.1:8080"
TOKEN_FILE = "admin-token"
SERVING_FILE = "serving.json"  # what `up` and `dev` leave in their data directory while they run
DEV_FOLDER = ".tapwater"
_FILE_BYTES_MAX = 64 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token's text, and where it came from, for messages."""

    text: str
    source: str
    warning: str = ""


def is_loopback(url: str) -> bool:
    """Say whether ``url`` is on this machine.

    >>> is_loopback("http://127.0.0.1:8080"), is_loopback("https://example.org")
    (True, False)
    """
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def tidy_url(text: str) -> str:
    """Check an address and drop its last slash.

    >>> tidy_url("127.0.0.1:9000/")
    'http://127.0.0.1:9000'

    Raises:
        CommandFailed: it is no address.
    """
    url = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(url)
        _ = parts.port  # urlsplit checks the port only when asked for it.
    except ValueError as error:
        raise _not_an_address(text) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise _not_an_address(text)
    return url.rstrip("/")


def _not_an_address(text: str) -> CommandFailed:
    return CommandFailed(
        f"{text!r} is not a server's address: write it as {DEFAULT_URL}",
        exit=Exit.USAGE,
        code="usage",
    )


def dev_data(folder: Path) -> Path | None:
    """Find the data directory of a running `tapwater dev` of this project: here or above.

    Only one on this machine counts: the folder may have come from somebody else.
    """
    for place in (folder, *folder.parents):
        data = place / DEV_FOLDER
        url = read_serving(data)
        if url is not None and is_loopback(url):
            return data
    return None


def write_serving(data: Path, url: str) -> None:
    """Leave word of where this process serves, for other commands of the same user."""
    text = json.dumps({"url": url, "pid": os.getpid()})
    write_private(data / SERVING_FILE, text)


def forget_serving(data: Path) -> None:
    """Take the word back."""
    (data / SERVING_FILE).unlink(missing_ok=True)


def read_serving(data: Path) -> str | None:
    """Say where the platform of ``data`` serves; None when it does not run."""
    try:
        raw = json.loads((data / SERVING_FILE).read_bytes()[:_FILE_BYTES_MAX])
        url, pid = str(raw["url"]), int(raw["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return url if _is_alive(pid) else None


def _is_alive(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True  # Somebody else's process; whether it is ours the connection will show.
    return True


def token_of_data(data: Path) -> Token | None:
    """Read the admin token the platform left in its data directory.

    Raises:
        CommandFailed: it is there and may not be read.
    """
    file = data / TOKEN_FILE
    try:
        text = file.read_text()[:_FILE_BYTES_MAX].strip()
        mode = file.stat().st_mode
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        return None
    except PermissionError as error:
        raise CommandFailed(
            f"{file} belongs to somebody else and may not be read",
            exit=Exit.NOT_ALLOWED,
            code="unauthenticated",
            hint="Ask its owner for a token of your own (`tapwater tokens create`), then run "
            "`tapwater login`.",
        ) from error
    warning = ""
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        warning = f"{file} can be read by others on this machine; run: chmod 600 {file}"
    return Token(text=text, source=str(file), warning=warning) if text else None


def logins_file(config: Path) -> Path:
    """Say where `tapwater login` keeps what it was given."""
    return config / "logins.json"


def read_logins(config: Path) -> Mapping[str, str]:
    """Read tokens by server address.

    Raises:
        CommandFailed: the file is there and is not ours.
    """
    file = logins_file(config)
    try:
        raw = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CommandFailed(
            f"{file} cannot be read: {error}", hint=f"Remove it and log in again: rm {file}"
        ) from error
    servers = raw.get("servers") if isinstance(raw, dict) else None
    return {str(url): str(token) for url, token in (servers or {}).items()}


def write_logins(config: Path, logins: Mapping[str, str]) -> Path:
    """Keep tokens by server address in a file only its owner can read; give the file."""
    config.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = logins_file(config)
    write_private(file, json.dumps({"version": 1, "servers": dict(logins)}, indent=2) + "\n")
    return file


def write_private(file: Path, text: str) -> None:
    """Write a file whole or not at all, never readable by others, not even for a moment."""
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
    fresh.replace(file)
