"""`tapwater queue`: send, look, take, and what became of messages nobody could handle."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tapwater_server.cli.asking import ask
from tapwater_server.cli.choosing import AppName
from tapwater_server.cli.client import Query
from tapwater_server.cli.clock import now
from tapwater_server.cli.sending import read_content, read_pairs
from tapwater_server.cli.session import Session
from tapwater_server.cli.showing import age
from tapwater_server.cli.tables import shown, table_of
from tapwater_server.cli.talking import command

if TYPE_CHECKING:
    from rich.table import Table

QueueName = Annotated[str, typer.Argument(metavar="QUEUE")]
_WAIT_S_MAX = 20.0


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the commands."""
    queue = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(
        queue,
        name="queue",
        rich_help_panel=panel,
        help="Queues and topics: send, look, take, dead letters.",
    )
    command(queue, "ls")(ls)
    command(queue, "send")(send)
    command(queue, "receive")(receive)
    command(queue, "peek")(peek)
    command(queue, "set")(set_)
    command(queue, "dead")(dead)
    command(queue, "redrive")(redrive)
    command(queue, "purge")(purge)
    command(queue, "rm")(rm)
    command(queue, "publish")(publish)
    command(queue, "subscribe")(subscribe)


async def ls(session: Session, app: AppName = None) -> int | None:
    """Show the queues of an app, and how many messages each has."""
    chosen, answer = await ask(session, app, "GET", ("queues",))
    table = table_of("queue", "waiting", "delayed", "taken", "dead", "oldest")
    for one in answer["queues"]:
        oldest = age(now() - one["oldest_at"]) if one["oldest_at"] else "-"
        counts = [str(one[name]) for name in ("waiting", "delayed", "leased", "dead")]
        table.add_row(one["name"], *counts, oldest)
    session.answer({"app": chosen, **answer}, table)
    if not answer["queues"]:
        session.say("No queue has anything. Send something: tapwater queue send NAME BODY")
    return None


async def send(
    session: Session,
    queue: QueueName,
    body: Annotated[
        str, typer.Argument(metavar="BODY", help="JSON or text; - is stdin, @FILE a file.")
    ],
    *,
    key: Annotated[str, typer.Option("--key", help="Of one key, one after the other.")] = "",
    delay: Annotated[float, typer.Option("--delay", help="Seconds.", min=0)] = 0.0,
    priority: Annotated[int, typer.Option("--priority", help="Higher first.")] = 0,
    dedupe: Annotated[str, typer.Option("--dedupe", help="A second one is not taken.")] = "",
    attribute: Annotated[
        list[str] | None, typer.Option("--attribute", metavar="NAME=VALUE", help="Repeatable.")
    ] = None,
    app: AppName = None,
) -> int | None:
    """Send a message to a queue."""
    message = {
        **read_content(body, json_name="body", as_text=True),
        "key": key,
        "dedupe": dedupe,
        "priority": priority,
        "attributes": dict(read_pairs(attribute or [])),
        **({"delay_s": delay} if delay else {}),
    }
    asked = {"messages": [message]}
    chosen, answer = await ask(session, app, "POST", ("queues", queue, "messages"), asked)
    [sent] = answer["messages"]
    session.answer({"app": chosen, "queue": queue, **sent})
    session.print(sent["id"] + (" (was sent before)" if sent["duplicate"] else ""))
    if not session.json:
        _, found = await ask(session, chosen, "GET", ())
        revision = found.get("revision") or {}
        # An app without functions may be the home of an AWS account: Lambda functions take it.
        if revision.get("functions") and not takes(revision, queue):
            session.say(
                f'[dim]No live function takes it: @on.message("{shown(queue)}") makes one do so, '
                f"`tapwater queue receive {shown(queue)}` takes it by hand.[/dim]"
            )
    return None


def takes(revision: object, queue: str) -> bool:
    """Say whether a function of a revision consumes a queue.

    >>> takes({"functions": [{"triggers": [{"arguments": {"queue": "jobs"}}]}]}, "jobs")
    True
    """
    functions = revision.get("functions", ()) if isinstance(revision, Mapping) else ()
    return any(
        trigger["arguments"].get("queue") == queue
        for function in functions
        for trigger in function.get("triggers") or ()
    )


async def receive(
    session: Session,
    queue: QueueName,
    *,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=100)] = 1,
    wait: Annotated[
        float, typer.Option("--wait", help="Seconds to wait for the first.", max=_WAIT_S_MAX)
    ] = 0.0,
    keep: Annotated[
        bool, typer.Option("--keep", help="Do not delete them: they come back later.")
    ] = False,
    app: AppName = None,
) -> int | None:
    """Take messages from a queue, and delete them unless told to keep them."""
    asked = {"count": count, "wait_s": wait}
    chosen, answer = await ask(session, app, "POST", ("queues", queue, "receive"), asked)
    messages = answer["messages"]
    if messages and not keep:
        done = {"receipts": [one["receipt"] for one in messages]}
        await ask(session, chosen, "POST", ("queues", queue, "delete"), done)
    session.answer({"app": chosen, "queue": queue, "messages": messages})
    for one in messages:
        session.print(shown(_content(one)))
    if not messages:
        session.say(f"{queue} has nothing to take now.")
    return None


async def peek(
    session: Session,
    queue: QueueName,
    id: Annotated[str, typer.Argument(metavar="[ID]", help="One message, with its body.")] = "",
    *,
    state: Annotated[
        str, typer.Option("--state", help="waiting, leased, done or dead.")
    ] = "waiting",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000)] = 20,
    app: AppName = None,
) -> int | None:
    """Look at messages without taking them, newest first; or at one, with its body."""
    if id:
        chosen, one = await ask(session, app, "GET", ("queues", queue, "messages", id))
        session.answer({"app": chosen, "queue": queue, "message": one})
        session.print(shown(_content(one)))
        return None
    query: Query = {"state": state, "limit": limit}
    chosen, answer = await ask(session, app, "GET", ("queues", queue, "messages"), query=query)
    session.answer({"app": chosen, "queue": queue, **answer}, _messages(answer["messages"]))
    return None


async def set_(
    session: Session,
    queue: QueueName,
    *,
    visibility: Annotated[
        float | None, typer.Option("--visibility", help="Seconds a taken message is hidden.")
    ] = None,
    attempts: Annotated[
        int | None, typer.Option("--attempts", help="Then a message is a dead letter.")
    ] = None,
    retention: Annotated[
        float | None, typer.Option("--retention", help="Seconds nobody need take it.")
    ] = None,
    delay: Annotated[
        float | None, typer.Option("--delay", help="Seconds before a message can be taken.")
    ] = None,
    ordered: Annotated[
        bool | None, typer.Option("--ordered/--unordered", help="One after the other.")
    ] = None,
    dead_letters: Annotated[
        str | None, typer.Option("--dead-letters", help="The queue that gets dead letters.")
    ] = None,
    app: AppName = None,
) -> int | None:
    """Change the settings of a queue; without options, show them."""
    said = {
        "visibility_s": visibility,
        "attempts_max": attempts,
        "retention_s": retention,
        "delay_s": delay,
        "ordered": ordered,
        "dead_letters": dead_letters,
    }
    asked = {name: value for name, value in said.items() if value is not None}
    method, body = ("PUT", asked) if asked else ("GET", None)
    chosen, answer = await ask(session, app, method, ("queues", queue), body)
    table = table_of("setting", "value")
    for name, value in answer["settings"].items():
        table.add_row(name, json.dumps(value))
    session.answer({"app": chosen, "queue": queue, "settings": answer["settings"]}, table)
    return None


async def dead(
    session: Session,
    queue: QueueName,
    *,
    drop: Annotated[bool, typer.Option("--drop", help="Drop them all.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000)] = 20,
    app: AppName = None,
) -> int | None:
    """List the dead letters of a queue, newest first; or drop them."""
    if drop:
        chosen, answer = await ask(session, app, "DELETE", ("queues", queue, "dead"), {})
        session.answer({"app": chosen, "queue": queue, **answer})
        session.print(f"{answer['dropped']} dropped.")
        return None
    chosen, answer = await ask(
        session, app, "GET", ("queues", queue, "dead"), query={"limit": limit}
    )
    session.answer({"app": chosen, "queue": queue, **answer}, _messages(answer["messages"]))
    return None


async def redrive(
    session: Session,
    queue: QueueName,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="None: all.")] = None,
    *,
    to: Annotated[str, typer.Option("--to", metavar="QUEUE", help="Into another queue.")] = "",
    app: AppName = None,
) -> int | None:
    """Let dead letters wait again."""
    asked = {"ids": ids or [], "to": to}
    chosen, answer = await ask(session, app, "POST", ("queues", queue, "redrive"), asked)
    session.answer({"app": chosen, "queue": queue, **answer})
    session.print(f"{answer['redriven']} wait again.")
    return None


async def purge(session: Session, queue: QueueName, app: AppName = None) -> int | None:
    """Drop all waiting messages of a queue."""
    chosen, answer = await ask(session, app, "DELETE", ("queues", queue, "messages"))
    session.answer({"app": chosen, "queue": queue, **answer})
    session.print(f"{answer['dropped']} dropped.")
    return None


async def rm(session: Session, queue: QueueName, app: AppName = None) -> int | None:
    """Remove a queue with its messages, dead letters, settings and subscriptions."""
    chosen, _ = await ask(session, app, "DELETE", ("queues", queue))
    session.answer({"app": chosen, "removed": queue})
    session.print(f"{queue} is removed.")
    return None


async def publish(
    session: Session,
    topic: Annotated[str, typer.Argument(metavar="TOPIC")],
    body: Annotated[
        str, typer.Argument(metavar="BODY", help="JSON or text; - is stdin, @FILE a file.")
    ],
    *,
    attribute: Annotated[
        list[str] | None, typer.Option("--attribute", metavar="NAME=VALUE", help="Repeatable.")
    ] = None,
    app: AppName = None,
) -> int | None:
    """Publish a message to every function and queue that listens to a topic."""
    content = read_content(body, json_name="body", as_text=True)
    asked = {"messages": [{**content, "attributes": dict(read_pairs(attribute or []))}]}
    chosen, answer = await ask(session, app, "POST", ("topics", topic), asked)
    [sent] = answer["messages"]
    session.answer({"app": chosen, "topic": topic, **sent})
    session.print(sent["id"])
    return None


async def subscribe(
    session: Session,
    topic: Annotated[str, typer.Argument(metavar="TOPIC")],
    queue: QueueName,
    *,
    end: Annotated[bool, typer.Option("--end", help="End the subscription.")] = False,
    app: AppName = None,
) -> int | None:
    """Let a queue have every message of a topic from now on, or (--end) no more."""
    method = "DELETE" if end else "PUT"
    chosen, _ = await ask(session, app, method, ("topics", topic, "queues", queue))
    session.answer({"app": chosen, "topic": topic, "queue": queue, "subscribed": not end})
    session.print(f"{queue} {'no longer listens' if end else 'listens'} to {topic}.")
    return None


def _content(one: Mapping[str, Any]) -> str:
    if "text" in one:
        return str(one["text"])
    return json.dumps(one["body"]) if "body" in one else f"base64:{one['base64']}"


def _messages(messages: Sequence[Mapping[str, Any]]) -> "Table":
    table = table_of("id", "state", "attempt", "key", "sent", "reason")
    for one in messages:
        sent, reason = age(now() - one["sent_at"]), shown(one["reason"]) or "-"
        table.add_row(
            one["id"], one["state"], str(one["attempt"]), shown(one["key"]) or "-", sent, reason
        )
    return table
