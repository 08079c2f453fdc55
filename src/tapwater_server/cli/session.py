"""What every command is given: the server, a token, where to print; and the options for them."""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tapwater_server.cli.client import Client
from tapwater_server.cli.failures import CommandFailed
from tapwater_server.cli.places import (
    DEFAULT_URL,
    Token,
    dev_data,
    is_loopback,
    read_logins,
    read_serving,
    tidy_url,
    token_of_data,
)

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


_PIPE_COLUMNS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the options said, before the command or after it; None: nothing."""

    url: str | None = None
    token: str | None = None
    data: Path | None = None
    json: bool = False

    def then(self, later: "Given") -> "Given":
        """Let what was said later win."""
        return Given(
            url=later.url or self.url,
            token=later.token or self.token,
            data=later.data or self.data,
            json=later.json or self.json,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One run of one command."""

    given: Given
    folder: Path  # where the command was called
    config: Path  # where logins are kept
    out: "Console"
    err: "Console"

    @property
    def json(self) -> bool:
        return self.given.json

    def at(self, url: str | None) -> "Session":
        """Give the same session for another server, when one is named."""
        return replace(self, given=replace(self.given, url=url)) if url else self

    def data(self) -> Path:
        """Say which data directory is meant: named, of a running `dev` here, or the default."""
        if self.given.data is not None:
            return self.given.data.expanduser().absolute()
        from tapwater_server.assembly.settings import default_data

        return dev_data(self.folder) or default_data().expanduser().absolute()

    def url(self) -> str:
        """Say which server is meant."""
        if self.given.url:
            return tidy_url(self.given.url)
        return read_serving(self.data()) or DEFAULT_URL

    def token(self) -> Token | None:
        """Find the token for that server: given, of its data directory, or stored by login.

        Raises:
            CommandFailed: there is one that cannot be read, and no other.
        """
        if self.given.token:
            return Token(text=self.given.token, source="--token or TAPWATER_TOKEN")
        url, barred = self.url(), None
        # The key to the platform of this directory is for that platform: a server elsewhere must
        # not be given it.
        data = self.data()
        if is_loopback(url) or read_serving(data) == url:
            try:
                found = token_of_data(data)
            except CommandFailed as error:
                found, barred = None, error
            if found is not None:
                return found
        stored = read_logins(self.config).get(url)
        if stored is None and barred is not None:
            raise barred
        return Token(text=stored, source="tapwater login") if stored else None

    def client(self) -> Client:
        """Open the way to the server."""
        token = self.token()
        if token is not None and token.warning:
            self.warn(token.warning)
        return Client(url=self.url(), token=token.text if token else None)

    def print(self, *things: "RenderableType") -> None:
        """Show a person something; with --json, nothing."""
        if not self.json:
            self.out.print(*things, soft_wrap=_is_text(things) and not self.out.is_terminal)

    def say(self, text: str) -> None:
        """Tell a person something on the side: on stderr, so that pipes stay clean."""
        if not self.json:
            self.whisper(text)

    def warn(self, text: str) -> None:
        """Tell of something that works and should not stay so."""
        if self.json:
            sys.stderr.write(json.dumps({"warning": text}) + "\n")
            return
        from rich.markup import escape

        self.whisper(f"[yellow]warning:[/yellow] {escape(text)}")

    def whisper(self, thing: "RenderableType") -> None:
        """Print on stderr: prose wrapped for a person, whole lines for a file."""
        self.err.print(thing, soft_wrap=not self.err.is_terminal)

    def emit(self, value: object) -> None:
        """Print one line of JSON, for scripts."""
        sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
        sys.stdout.flush()

    def answer(self, value: object, shown: "RenderableType | None" = None) -> None:
        """Give the result: JSON for scripts, ``shown`` for people."""
        if self.json:
            self.emit(value)
        elif shown is not None:
            self.print(shown)


def _is_text(things: Sequence[Any]) -> bool:
    return all(isinstance(thing, str) for thing in things)


def open_session(given: Given) -> Session:
    """Make the session of this process."""
    from rich.console import Console

    # Who reads a pipe wants whole lines; COLUMNS still has its say.
    piped = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPE_COLUMNS
    return Session(
        given=given,
        folder=Path.cwd(),
        config=Path(typer.get_app_dir("tapwater")),
        out=Console(highlight=False, emoji=False, width=piped),
        err=Console(highlight=False, emoji=False, stderr=True),
    )
