"""`tapwater mqtt`: publish, listen, and look at an app's MQTT clients and retained messages."""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from tapwater_server.cli.asking import ask, asking
from tapwater_server.cli.choosing import AppName
from tapwater_server.cli.client import Query, path_of
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.session import Session
from tapwater_server.cli.tables import shown, table_of
from tapwater_server.cli.talking import command

_PAYLOAD_BYTES_MAX = 1 << 20
_SHOWN_CHARACTERS_MAX = 100
Qos = Annotated[int, typer.Option("--qos", "-q", min=0, max=2, help="Quality of service.")]


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the commands."""
    mqtt = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(
        mqtt, name="mqtt", rich_help_panel=panel, help="Messages of an app's MQTT clients."
    )
    command(mqtt, "pub")(pub)
    command(mqtt, "sub")(sub)
    command(mqtt, "clients")(clients)
    command(mqtt, "retained")(retained)
    command(mqtt, "status")(status)


async def pub(
    session: Session,
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="Where.")],
    payload: Annotated[
        str | None,
        typer.Argument(metavar="PAYLOAD", help="What; - or nothing: read from stdin."),
    ] = None,
    *,
    app: AppName = None,
    qos: Qos = 1,
    retain: Annotated[
        bool, typer.Option("--retain", "-r", help="Keep it for those who subscribe later.")
    ] = False,
    expiry: Annotated[
        int | None, typer.Option("--expiry", min=1, help="Deliver it within so many seconds.")
    ] = None,
) -> int | None:
    """Publish a message."""
    content = _payload(payload)
    query: Query = {"topic": topic, "qos": qos, "retain": _said(retain), "expiry": expiry}
    async with asking(session, app) as (client, chosen):
        path = path_of("apps", chosen, "mqtt", "publish")
        answer = await client.ask("POST", path, query=query, content=content)
    session.answer(answer)
    session.print(f"Published on [bold]{shown(topic)}[/bold].")
    return None


async def sub(
    session: Session,
    filter: Annotated[
        str, typer.Argument(metavar="FILTER", help="Which topics; + and # are wildcards.")
    ] = "#",
    *,
    app: AppName = None,
    count: Annotated[
        int | None, typer.Option("--count", "-n", min=1, help="End after so many messages.")
    ] = None,
) -> int | None:
    """Show messages as they come; retained ones first. Ctrl-C ends it."""
    seen = 0
    async with asking(session, app) as (client, chosen):
        path = path_of("apps", chosen, "mqtt", "messages")
        async with client.events(path, query={"filter": filter}) as messages:
            async for message in messages:
                _show(session, message)
                seen += 1
                if seen == count:
                    return None
    raise CommandFailed("the server ended the stream", exit=Exit.UNREACHABLE, code="unreachable")


async def clients(session: Session, *, app: AppName = None) -> int | None:
    """Show the clients that are connected, or whose session is kept."""
    _, answer = await ask(session, app, "GET", ("mqtt", "clients"))
    table = table_of("client", "connected", "version", "subscriptions", "waiting", "dropped")
    for one in answer["clients"]:
        where = one["address"] or ("yes" if one["connected"] else "no")
        filters = ", ".join(one["subscriptions"])
        table.add_row(
            shown(one["client"]),
            where,
            one["version"],
            shown(filters[:_SHOWN_CHARACTERS_MAX]),
            str(one["waiting"]),
            str(one["dropped"]),
        )
    session.answer(answer, table)
    return None


async def retained(
    session: Session,
    filter: Annotated[str, typer.Argument(metavar="FILTER", help="Which topics.")] = "#",
    *,
    app: AppName = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000)] = 100,
) -> int | None:
    """Show retained messages."""
    query: Query = {"filter": filter, "limit": limit}
    _, answer = await ask(session, app, "GET", ("mqtt", "retained"), query=query)
    table = table_of("topic", "payload", "qos", "since")
    for one in answer["messages"]:
        since = datetime.fromtimestamp(one["at"], UTC).strftime("%Y-%m-%d %H:%M:%S")
        payload = shown(_text(one)[:_SHOWN_CHARACTERS_MAX])
        table.add_row(shown(one["topic"]), payload, str(one["qos"]), since)
    session.answer(answer, table)
    return None


async def status(session: Session, *, app: AppName = None) -> int | None:
    """Show where the broker listens, and how much goes through it."""
    _, answer = await ask(session, app, "GET", ("mqtt", "status"))
    session.answer(answer)
    if not session.json:
        doors = ", ".join(answer["addresses"]) or "no sockets: start the platform with --mqtt"
        session.print(f"listens    {doors}")
        session.print(f"clients    {answer['connected']} connected, {answer['sessions']} sessions")
        counted = f"{answer['messages_in']} in, {answer['messages_out']} out"
        session.print(f"messages   {counted}, {answer['dropped']} dropped")
        session.print(f"retained   {answer['retained']}")
        _show_elsewhere(session, answer.get("elsewhere"))
    return None


def _show_elsewhere(session: Session, said: Mapping[str, Any] | None) -> None:
    if said is None:
        return
    state = "connected" if said["connected"] else f"not connected: {said['error']}"
    session.print(f"elsewhere  {said['host']}:{said['port']}, {shown(state)}")
    for filter, reason in said["refused"].items():
        session.print(f"           refused {shown(filter)}: {shown(reason)}")


def _said(flag: bool) -> str:
    return "true" if flag else "false"


def _payload(said: str | None) -> bytes:
    if said is not None and said != "-":
        return said.encode()
    if said is None and sys.stdin.isatty():
        raise CommandFailed(
            "say what to publish: a payload after the topic, or on stdin",
            exit=Exit.USAGE,
            code="usage",
        )
    return sys.stdin.buffer.read(_PAYLOAD_BYTES_MAX + 1)


def _show(session: Session, message: Mapping[str, Any]) -> None:
    if session.json:
        session.emit(message)
        return
    mark = " [dim](retained)[/dim]" if message["retain"] else ""
    session.print(f"[bold]{shown(message['topic'])}[/bold]{mark} {shown(_text(message))}")


def _text(message: Mapping[str, Any]) -> str:
    if "payload_base64" in message:
        return f"base64 {message['payload_base64']}"
    payload = message["payload"]
    return payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
