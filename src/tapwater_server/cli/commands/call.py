"""`tapwater call`: one call of one function, its answer on stdout."""

import base64
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from tapwater_server.cli.choosing import AppName, which_app
from tapwater_server.cli.client import Client, path_of
from tapwater_server.cli.failures import HINTS, CommandFailed, Exit
from tapwater_server.cli.sending import read_pairs
from tapwater_server.cli.session import Session
from tapwater_server.cli.showing import duration, plain, size
from tapwater_server.cli.talking import command
from tapwater_server.model.limits import BODY_INLINE_BYTES_MAX

_PARAMETER = re.compile(r"\[(\.\.\.)?([A-Za-z_][A-Za-z0-9_]*)\]")
# Endings of calls that ran: they have left a trace and, unless told not to, a recording.
_LEFT_BEHIND = frozenset({"user_error", "timed_out", "out_of_memory", "crashed"})
_DATA_BYTES_MAX = 5 << 20  # As base64 it fits into a body of the control API.


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the command."""
    # After the name, --data is what is sent; the data directory goes before it.
    command(app, "call", panel=panel, without=("data_dir",))(call)


async def call(
    session: Session,
    function: Annotated[
        str,
        typer.Argument(metavar="GROUP/NAME", help="The function; users/profile/7 fills in [id]."),
    ],
    *,
    data: Annotated[
        str | None,
        typer.Option("--data", "-d", metavar="JSON|@FILE|@-", help="The body: JSON, or a file."),
    ] = None,
    method: Annotated[
        str | None, typer.Option("--method", "-m", help="Default: what the function has.")
    ] = None,
    query: Annotated[
        list[str] | None, typer.Option("--query", "-q", metavar="KEY=VALUE", help="Repeatable.")
    ] = None,
    header: Annotated[
        list[str] | None, typer.Option("--header", "-H", metavar="NAME:VALUE", help="Repeatable.")
    ] = None,
    path: Annotated[
        str | None, typer.Option(help="The path asked for, where the function's own is not it.")
    ] = None,
    background: Annotated[
        bool, typer.Option("--background", help="Do not wait: print the id and end.")
    ] = False,
    revision: Annotated[
        str | None,
        typer.Option(metavar="N|ALIAS", help="This revision or alias, whatever is live."),
    ] = None,
    app: AppName = None,
) -> int | None:
    """Call a function; print what it answers.

    The body goes to stdout, the rest to stderr. Ends with 1 when the call fails or the status is
    400 or more.
    """
    body = read_data(data)
    asked: dict[str, Any] = {
        "method": method.upper() if method else None,
        "path": path,
        "query": urlencode(read_pairs(query or [], "=")),
        "headers": dict(read_pairs(header or [], ":")),
        "background": background,
        "revision": revision,
    }
    said_app, colon, name = function.partition(":")
    if not colon:
        said_app, name = app or "", function
    async with session.client() as client:
        chosen = await which_app(session, client, said_app or app)
        target = await _target(client, chosen, name)
        asked["params"] = {} if path else dict(target.params)
        answer = await client.ask(
            "POST",
            path_of("apps", chosen, "call", target.name),
            body={**{key: value for key, value in asked.items() if value is not None}, **body},
            timeout_s=None,
        )
    return show(session, answer if isinstance(answer, dict) else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Which function, and what its name's parameters are filled in with."""

    name: str
    params: Mapping[str, str] = field(default_factory=dict)


async def _target(client: Client, app: str, name: str) -> Target:
    found = await client.get(path_of("apps", app))
    revision = found.get("revision") if isinstance(found, dict) else None
    functions = revision.get("functions", []) if isinstance(revision, dict) else []
    return find_target(name, [str(each.get("name", "")) for each in functions])


def find_target(name: str, functions: Sequence[str]) -> Target:
    """Find the function that is meant: by its name, or by its name with the parameters filled in.

    >>> find_target("users/profile/7", ["users/profile/[id]"])
    Target(name='users/profile/[id]', params={'id': '7'})

    Raises:
        CommandFailed: there is none; it says which are near.
    """
    if name in functions:
        return Target(name=name)
    # As the gateway routes: a fixed word before a parameter, one segment before all the rest.
    for function in sorted(functions, key=lambda each: (each.count("[..."), each.count("["))):
        match = _pattern(function).fullmatch(name)
        if match is not None:
            return Target(name=function, params=match.groupdict())
    raise CommandFailed(
        f"there is no function {name!r}",
        exit=Exit.NOT_FOUND,
        code="not_found",
        hint=_near(name, functions),
    )


def _pattern(function: str) -> re.Pattern[str]:
    parts, at = [], 0
    bare = function.removesuffix("/index")
    for match in _PARAMETER.finditer(bare):
        parts.append(re.escape(bare[at : match.start()]))
        parts.append(f"(?P<{match[2]}>{'.+' if match[1] else '[^/]+'})")
        at = match.end()
    return re.compile("".join([*parts, re.escape(bare[at:])]))


def _near(name: str, functions: Sequence[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, functions, n=3, cutoff=0.4)
    return f"Did you mean {' or '.join(close)}?" if close else HINTS["not_found"]


def read_data(text: str | None) -> dict[str, Any]:
    """Read --data: JSON, ``@file`` or ``@-``. A file that is not JSON goes as the bytes it is.

    Raises:
        CommandFailed: it is not JSON, or the file cannot be read.
    """
    if text is None:
        return {}
    raw = _read_file(text[1:]) if text.startswith("@") else text.encode()
    try:
        return {"data": json.loads(raw)}
    except (ValueError, RecursionError) as error:
        if text.startswith("@"):
            return {"body_base64": base64.b64encode(raw).decode()}
        raise CommandFailed(
            f"--data is not JSON: {error}",
            exit=Exit.USAGE,
            code="usage",
            hint="""Quote it for the shell: --data '{"name": "Ada"}'; text: --data '"hello"'.""",
        ) from error


def _read_file(name: str) -> bytes:
    try:
        raw = sys.stdin.buffer.read() if name == "-" else Path(name).expanduser().read_bytes()
    except OSError as error:
        raise CommandFailed(
            f"{name} cannot be read: {error.strerror}", exit=Exit.USAGE, code="usage"
        ) from error
    if len(raw) > _DATA_BYTES_MAX:
        raise CommandFailed(
            f"{name} has more than {_DATA_BYTES_MAX >> 20} MB; send it to the function's URL",
            exit=Exit.USAGE,
            code="too_large",
        )
    return raw


def show(session: Session, answer: Mapping[str, Any]) -> int:
    """Print an answer; give the exit code that it means."""
    if session.json:
        session.emit(answer)
        return verdict(answer)
    if "ending" not in answer:
        id = answer.get("id", "?")
        session.say(f"[dim]accepted; it runs in the background:[/dim] tapwater result --wait {id}")
        if not session.out.is_terminal:
            session.out.print(str(id))
        return Exit.FINE
    session.say(_summary(answer))
    if answer["ending"] != "ok":
        hint = HINTS.get(str(answer["ending"]))
        if hint:
            session.say(f"[dim]{hint}[/dim]")
        if answer["ending"] in _LEFT_BEHIND and answer.get("invocation"):
            id = answer["invocation"]
            session.say(
                f"[dim]All of it: `tapwater trace {id}`. Again: `tapwater replay {id}`.[/dim]"
            )
    print_body(session, answer)
    return verdict(answer)


def verdict(answer: Mapping[str, Any]) -> Exit:
    """Say which exit code an answer means.

    >>> verdict({"ending": "ok", "status": 200}), verdict({"ending": "timed_out"})
    (<Exit.FINE: 0>, <Exit.FAILED: 1>)
    """
    if "ending" not in answer:
        return Exit.FINE
    fine = answer["ending"] == "ok" and int(answer.get("status") or 200) < 400
    return Exit.FINE if fine else Exit.FAILED


def _summary(answer: Mapping[str, Any]) -> str:
    from rich.markup import escape

    status, ending = answer.get("status"), str(answer["ending"])
    fine = verdict(answer) is Exit.FINE
    parts = [f"[bold {'green' if fine else 'red'}]{status or ending}[/]"]
    if status and ending != "ok":
        parts.append(ending)
    if answer.get("message"):
        parts.append(escape(plain(answer["message"])))
    parts += _usage(answer.get("usage"))
    parts.append(f"[dim]{answer.get('invocation', '')}[/dim]")
    return "  ".join(part for part in parts if part)


def _usage(usage: object) -> list[str]:
    if not isinstance(usage, Mapping):
        return []
    wall, peak = usage.get("wall_s"), usage.get("memory_peak_bytes")
    parts = [duration(wall)] if isinstance(wall, int | float) else []
    if isinstance(peak, int) and peak > 0:
        parts.append(size(peak))
    if usage.get("cold"):
        parts.append("cold")
    return [f"[dim]{part}[/dim]" for part in parts]


def print_body(session: Session, answer: Mapping[str, Any]) -> None:
    """Print an answer's body: text as it is, bytes for a pipe only."""
    encoded = answer.get("body_base64")
    if isinstance(encoded, str):
        try:
            raw = base64.b64decode(encoded)
        except ValueError as error:
            raise CommandFailed("the server's answer cannot be read") from error
        if session.out.is_terminal and len(raw) > 0:
            session.say(f"[dim]{size(len(raw))} that are not text; pipe them into a file[/dim]")
            return
        sys.stdout.buffer.write(raw)
        sys.stdout.buffer.flush()
        return
    body = answer.get("body")
    text = body if isinstance(body, str) else "" if body is None else json.dumps(body)
    if session.out.is_terminal and len(text) <= BODY_INLINE_BYTES_MAX and _is_json(text):
        session.out.print_json(text)
    elif text:
        sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
        sys.stdout.flush()


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False
