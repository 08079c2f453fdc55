"""`tapwater profile`: where the time of a function's live calls goes, as a flame graph."""

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from tapwater_server.cli.asking import asking
from tapwater_server.cli.choosing import AppName
from tapwater_server.cli.client import path_of
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.session import Session
from tapwater_server.cli.showing import duration
from tapwater_server.cli.talking import command
from tapwater_server.model.profile import RATE_MAX, SECONDS_MAX, Mode, Stack, folded, speedscope


class Format(StrEnum):
    """How a profile is written."""

    SVG = "svg"
    HTML = "html"
    SPEEDSCOPE = "speedscope"
    FOLDED = "folded"


_ENDINGS: Mapping[Format, str] = {
    Format.SVG: ".svg",
    Format.HTML: ".html",
    Format.SPEEDSCOPE: ".speedscope.json",
    Format.FOLDED: ".folded",
}
_TOP = 8


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the command."""
    command(app, "profile", panel=panel)(profile)


async def profile(
    session: Session,
    function: Annotated[str, typer.Argument(metavar="FUNCTION", help="GROUP/NAME.")],
    *,
    seconds: Annotated[
        float, typer.Option("--seconds", "-s", min=0.1, max=SECONDS_MAX, help="For how long.")
    ] = 10.0,
    rate: Annotated[
        float, typer.Option("--rate", min=1, max=RATE_MAX, help="Looks per second.")
    ] = 99.0,
    mode: Annotated[
        Mode, typer.Option("--mode", help="wall: what waits counts too; cpu: only what computes.")
    ] = Mode.WALL,
    format: Annotated[Format, typer.Option("--format", "-f", help="How it is written.")] = (
        Format.HTML
    ),
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to; - is stdout."),
    ] = None,
    app: AppName = None,
) -> int | None:
    """Draw where the time of live calls goes: a flame graph.

    It looks at the stacks of running calls for some seconds. They go on as they are: a look costs
    some microseconds. Ends with 1 if no call ran.
    """
    async with asking(session, app) as (client, chosen):
        session.say(f"[dim]looking at {function} for {duration(seconds)} …[/dim]")
        found = await client.ask(
            "POST",
            path_of("apps", chosen, "profiles"),
            body={"function": function, "seconds": seconds, "rate": rate, "mode": mode.value},
            timeout_s=None,
        )
    if session.json:
        session.emit(found)
        return Exit.FINE
    if not found["stacks"]:
        raise CommandFailed(
            f"no call of {function} ran in these {duration(seconds)}",
            hint="Send it some while this runs; --seconds makes it look for longer. Calls whose "
            "process dies are not seen: `tapwater errors` has those.",
        )
    file = output or Path(function.replace("/", "-") + _ENDINGS[format])
    _write(file, render(found, format))
    if str(file) != "-":
        _show(session, found, file)
    return Exit.FINE


def render(found: Mapping[str, Any], format: Format) -> str:
    """Write a profile in one of the forms."""
    from tapwater_server.cli.flame_page import page
    from tapwater_server.cli.flame_svg import svg

    stacks = read_stacks(found)
    title = f"{found['function']} of {found['app']}"
    unit = str(found["unit"])
    match format:
        case Format.FOLDED:
            return folded(stacks)
        case Format.SPEEDSCOPE:
            return json.dumps(speedscope(stacks, name=title, mode=Mode(found["mode"])))
        case Format.SVG:
            return svg(stacks, title=title, unit=unit)
        case Format.HTML:
            return page(stacks, title=title, unit=unit)


def read_stacks(found: Mapping[str, Any]) -> dict[Stack, float]:
    """Read the stacks of the API's answer."""
    return {tuple(one["frames"]): float(one["weight"]) for one in found["stacks"]}


def _write(file: Path, text: str) -> None:
    if str(file) == "-":
        typer.echo(text, nl=False)
        return
    try:
        file.expanduser().write_text(text)
    except OSError as error:
        raise CommandFailed(f"{file} cannot be written: {error.strerror}") from error


def _show(session: Session, found: Mapping[str, Any], file: Path) -> None:
    """Name the frames that most of the time was spent in themselves."""
    from rich.markup import escape

    own: dict[str, float] = {}
    for one in found["stacks"]:
        own[one["frames"][-1]] = own.get(one["frames"][-1], 0.0) + one["weight"]
    for name in sorted(own, key=lambda name: -own[name])[:_TOP]:
        session.print(f"{own[name] / found['weight']:6.1%}  {escape(name)}")
    session.print(
        f"[dim]{found['weight']:.0f} {found['unit']}, {found['instances']} "
        f"instance{'s' if found['instances'] != 1 else ''}:[/dim] {escape(str(file))}"
    )
