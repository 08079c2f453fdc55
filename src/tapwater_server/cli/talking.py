"""Makes an async function into a command: adds the common options, runs it, ends it properly."""

import inspect
import json
import sys
from collections.abc import Awaitable, Callable, Collection, Coroutine
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.session import Given, Session, open_session
from tapwater_server.cli.showing import plain
from tapwater_server.model.errors import TapwaterError

Body = Callable[..., Awaitable[int | None]]

_PANEL = "Which server"
Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        help="The server's address; TAPWATER_URL. Default: the one running here.",
        rich_help_panel=_PANEL,
    ),
]
TokenText = Annotated[
    str | None,
    typer.Option(
        "--token",
        metavar="TOKEN",
        help="Better: TAPWATER_TOKEN, or `tapwater login`. Others on this machine can read a "
        "command's arguments.",
        rich_help_panel=_PANEL,
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="The data directory, where the server left its admin token; TAPWATER_DATA.",
        rich_help_panel=_PANEL,
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print JSON, for scripts.", rich_help_panel=_PANEL)
]
_COMMON: dict[str, Any] = {"url": Url, "token": TokenText, "data_dir": Data, "as_json": AsJson}
_UNSAID = {"as_json": False}  # the others: None


def command(
    app: typer.Typer,
    name: str,
    *,
    panel: str | None = None,
    without: Collection[str] = (),
    serves: bool = False,
) -> Callable[[Body], Body]:
    """Register ``async def body(session, ...)`` as a command of ``app``.

    ``serves``: it runs the platform itself, on the platform's loop.

    ``without`` names common options this command does not take after its name: `call --data` is
    the body of the call. Before the command's name they are understood everywhere.
    """
    common = {key: kind for key, kind in _COMMON.items() if key not in without}

    def register(body: Body) -> Body:
        app.command(name, rich_help_panel=panel)(_with_common(body, common, serves=serves))
        return body

    return register


def _with_common(body: Body, common: dict[str, Any], *, serves: bool) -> Callable[..., None]:
    own = inspect.signature(body, eval_str=True).parameters

    @wraps(body)
    def run(context: typer.Context, **values: Any) -> None:
        late = Given(
            url=values.pop("url", None),
            token=values.pop("token", None),
            data=values.pop("data_dir", None),
            json=values.pop("as_json", False),
        )
        early = context.obj if isinstance(context.obj, Given) else Given()
        session = open_session(early.then(late))
        raise typer.Exit(run_body(session, lambda: body(session, **values), serves=serves))

    kept = [each for key, each in own.items() if key != "session"]
    named = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter("context", named, annotation=typer.Context),
        *[each.replace(kind=named) for each in kept],
        *[
            inspect.Parameter(key, named, annotation=kind, default=_UNSAID.get(key))
            for key, kind in common.items()
        ],
    ]
    # typer reads the signature; the wrapper must show the one of the command, not its own.
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def run_body(
    session: Session, body: Callable[[], Awaitable[int | None]], *, serves: bool = False
) -> int:
    """Run a command to its end; give its exit code. What goes wrong is said here, once."""
    import asyncio

    async def whole() -> int | None:
        return await body()

    try:
        return _loop(serves)(whole()) or Exit.FINE
    except CommandFailed as error:
        tell(session, error)
        return error.exit
    except TapwaterError as error:
        # Checks of the model run here too: a wrong name, wrong settings.
        tell(session, CommandFailed(error.message, exit=Exit.USAGE, code=error.code))
        return Exit.USAGE
    except (KeyboardInterrupt, asyncio.CancelledError):
        return Exit.INTERRUPTED


def _loop(serves: bool) -> Callable[[Coroutine[Any, Any, int | None]], int | None]:
    import asyncio

    if not serves:
        return asyncio.run
    from tapwater_server.assembly.node import run_loop

    return run_loop


def tell(session: Session, error: CommandFailed) -> None:
    """Say on stderr what went wrong, where, and what to do."""
    if session.json:
        sys.stderr.write(json.dumps({"problem": error.as_json()}) + "\n")
        return
    from rich.markup import escape

    session.whisper(f"[bold red]error:[/bold red] {escape(plain(error.message))}")
    for problem in error.problems:
        if problem.what == error.message:
            continue  # A single mistake is its own message.
        where = f"[bold]{escape(plain(problem.where))}[/bold]: " if problem.where else ""
        session.whisper(f"  {where}{escape(plain(problem.what))}")
    if error.hint:
        session.whisper(f"[dim]{escape(error.hint)}[/dim]")
