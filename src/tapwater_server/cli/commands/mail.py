"""`tapwater mail`: what an app has sent, or would have sent if there were a server for mail."""

from typing import Annotated, Any

import typer

from tapwater_server.cli.asking import ask
from tapwater_server.cli.choosing import AppName
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.session import Session
from tapwater_server.cli.showing import plain
from tapwater_server.cli.tables import shown, table_of
from tapwater_server.cli.talking import command

Id = Annotated[str, typer.Argument(metavar="ID", help="As `tapwater mail ls` shows it.")]


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the commands."""
    mail = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(
        mail,
        name="mail",
        rich_help_panel=panel,
        help="Mails of an app: the inbox, what waits, what was given up.",
    )
    command(mail, "ls")(ls)
    command(mail, "show")(show)
    command(mail, "send")(send)
    command(mail, "retry")(retry)
    command(mail, "rm")(rm)


async def ls(
    session: Session,
    *,
    stage: Annotated[
        str | None, typer.Option("--stage", help="Only these: waiting, sent, kept, dead.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=500)] = 20,
    app: AppName = None,
) -> int | None:
    """List mails, newest first. `kept`: in the inbox, because there is no server for mail."""
    query = {"stage": stage, "limit": limit}
    _, answer = await ask(session, app, "GET", ("mail",), query=query)
    table = table_of("id", "stage", "to", "subject", "reason")
    for one in answer["mails"]:
        said = (shown(one[name]) for name in ("to", "subject", "reason"))
        table.add_row(one["id"], one["stage"], *said)
    session.answer(answer, table)
    if not answer["mails"]:
        session.say("[dim]No mail.[/dim]")
    return None


async def show(session: Session, id: Id, *, app: AppName = None) -> int | None:
    """Show one mail: headers and text."""
    _, answer = await ask(session, app, "GET", ("mail", id))
    session.answer(answer)
    if not session.json:
        for line in _lines(answer):
            session.out.print(plain(line), soft_wrap=True, markup=False)
    return None


async def send(
    session: Session,
    *,
    to: Annotated[list[str], typer.Option("--to", metavar="ADDRESS", help="Repeatable.")],
    subject: Annotated[str, typer.Option("--subject", "-s")],
    text: Annotated[str, typer.Option("--text", "-t", help="- reads it from stdin.")] = "-",
    app: AppName = None,
) -> int | None:
    """Send a mail, to see whether it arrives."""
    import sys

    body = {"to": to, "subject": subject, "text": sys.stdin.read() if text == "-" else text}
    _, answer = await ask(session, app, "POST", ("mail",), body)
    session.answer(answer, f"{answer['id']} is {answer['stage']}.")
    return None


async def retry(session: Session, id: Id, *, app: AppName = None) -> int | None:
    """Send again what was given up."""
    _, answer = await ask(session, app, "POST", ("mail", id, "retry"))
    session.answer(answer, f"{id} waits to be sent.")
    return None


async def rm(session: Session, id: Id, *, app: AppName = None) -> int | None:
    """Forget a mail; one that waits is not sent."""
    if not id:
        raise CommandFailed("say which mail", exit=Exit.USAGE, code="usage")
    await ask(session, app, "DELETE", ("mail", id))
    session.answer({"id": id, "removed": True}, f"{id} is gone.")
    return None


def _lines(mail: dict[str, Any]) -> list[str]:
    wanted = ("From", "To", "Cc", "Reply-To", "Subject", "Date")
    lines = [f"{name}: {mail['headers'][name]}" for name in wanted if name in mail["headers"]]
    lines.append(f"Stage: {mail['stage']}{' (' + mail['reason'] + ')' if mail['reason'] else ''}")
    files = [f"Attached: {file['name']} ({file['size']} bytes)" for file in mail["attachments"]]
    return [*lines, *files, "", *(mail["text"] or mail["html"]).splitlines()]
