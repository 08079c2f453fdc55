"""`tapwater errors`: groups of errors: what went wrong, how often, since when, and where."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from tapwater_server.cli.choosing import AppName, check_app, which_app
from tapwater_server.cli.client import path_of
from tapwater_server.cli.clock import now
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.session import Session
from tapwater_server.cli.showing import age, plain
from tapwater_server.cli.tables import shown, table_of
from tapwater_server.cli.talking import command

_STATES = {"open": "red", "resolved": "green", "muted": "dim"}
_TITLE_CHARS_MAX = 80
_WIDE_COLUMNS_MIN = 100


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the command."""
    command(app, "errors", panel=panel)(errors)


async def errors(
    session: Session,
    id: Annotated[
        str | None, typer.Argument(metavar="ID", help="Of a group; else lists them.")
    ] = None,
    *,
    state: Annotated[
        str, typer.Option(metavar="open|resolved|muted|all", help="Which to list.")
    ] = "open",
    function: Annotated[
        str | None, typer.Option(metavar="FUNCTION", help="Only of this one: GROUP/NAME.")
    ] = None,
    resolve: Annotated[
        bool, typer.Option("--resolve", help="It is mended: tell me if it comes back.")
    ] = False,
    mute: Annotated[bool, typer.Option("--mute", help="Count it, and tell nobody.")] = False,
    reopen: Annotated[bool, typer.Option("--reopen", help="It is not mended after all.")] = False,
    app: AppName = None,
) -> int | None:
    """Show groups of errors; one with its traceback; resolve it."""
    wanted = _wanted(resolve=resolve, mute=mute, reopen=reopen)
    if wanted and id is None:
        raise CommandFailed("say which: tapwater errors ID", exit=Exit.USAGE, code="usage")
    if state not in (*_STATES, "all"):
        raise CommandFailed(
            "--state is open, resolved, muted or all", exit=Exit.USAGE, code="usage"
        )
    async with session.client() as client:
        if id is None:
            chosen = await which_app(session, client, app)
            answer = await client.get(
                path_of("faults"),
                app=chosen,
                function=function,
                state=None if state == "all" else state,
            )
            if not answer["faults"]:
                await check_app(client, chosen)
            _list(session, answer, state=state)
            return None
        if wanted:
            fault = await client.ask("PUT", path_of("faults", id), body={"state": wanted})
        else:
            fault = await client.get(path_of("faults", id))
    session.answer(fault)
    _show(session, fault)
    return None


def _wanted(*, resolve: bool, mute: bool, reopen: bool) -> str:
    said = [
        state for state, flag in (("resolved", resolve), ("muted", mute), ("open", reopen)) if flag
    ]
    if len(said) > 1:
        raise CommandFailed(
            "say --resolve, --mute or --reopen, not several", exit=Exit.USAGE, code="usage"
        )
    return said[0] if said else ""


def _list(session: Session, answer: Mapping[str, Any], *, state: str) -> None:
    # Since when it is known, a narrow terminal leaves to `tapwater errors ID`.
    since = ("first",) if session.out.width >= _WIDE_COLUMNS_MIN else ()
    table = table_of("id", "count", "last", *since, "function", "what", "state")
    table.columns[1].justify = "right"
    moment = now()
    for fault in answer["faults"]:
        table.add_row(
            fault["id"],
            f"{fault['count']:,}",
            age(moment - fault["last_at"]),
            *(age(moment - fault["first_at"]) for _ in since),
            shown(fault["function"]),
            shown(_title(fault)[:_TITLE_CHARS_MAX]),
            _state(fault),
        )
    session.answer(answer, table)
    if not answer["faults"]:
        session.say("No errors." if state == "all" else f"No {state} errors.")
        return
    session.say("[dim]One of them, with its traceback and calls: tapwater errors ID[/dim]")


def _title(fault: Mapping[str, Any]) -> str:
    title = str(fault["title"]).partition("\n")[0]
    return title if fault["ending"] == "user_error" else f"{fault['ending']}: {title}"


def _state(fault: Mapping[str, Any]) -> str:
    style = _STATES.get(fault["state"], "")
    back = ", is back" if fault["regressed"] else ""
    return f"[{style}]{fault['state']}{back}[/{style}]"


def _show(session: Session, fault: Mapping[str, Any]) -> None:
    from rich.text import Text

    moment = now()
    session.print(f"[bold]{shown(_title(fault))}[/bold]  {_state(fault)}")
    session.print(
        f"{shown(fault['app'])} {shown(fault['function'])}  {shown(fault['where'])}\n"
        f"{fault['count']:,} times, first {age(moment - fault['first_at'])}, "
        f"last {age(moment - fault['last_at'])}, in {_revisions(fault)}"
    )
    if fault["trace"]:
        session.print("")
        session.print(Text(plain(fault["trace"]).rstrip(), style="red"))
    if fault["samples"]:
        session.print("")
        session.print("Calls to look at, newest first; replay runs one again, and changes nothing:")
        for sample in fault["samples"]:
            session.print(f"  tapwater trace {shown(sample)}")
        session.print(f"  tapwater replay {shown(fault['samples'][0])}")
    if fault["state"] == "open":
        session.say(f"[dim]Mended? tapwater errors {shown(fault['id'])} --resolve[/dim]")


def _revisions(fault: Mapping[str, Any]) -> str:
    count = len(fault["revisions"])
    return f"{count} revision{'s' if count != 1 else ''}"
