"""`tapwater doctor`: what this machine gives, and what is missing without it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tapwater_server.cli.client import path_of
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.session import Session
from tapwater_server.cli.showing import duration, size
from tapwater_server.cli.talking import command

if TYPE_CHECKING:
    from rich.table import Table


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the command."""
    command(app, "doctor", panel=panel)(doctor)


async def doctor(
    session: Session,
    strict: Annotated[
        bool, typer.Option("--strict", help="End with 1 when a layer of isolation is missing.")
    ] = False,
) -> int | None:
    """Show what this machine gives, and what is missing.

    Layers of isolation, interpreters and limits, and what each missing layer means. Asks the
    server; without one, looks at this machine.
    """
    report, source = await _ask(session)
    layers = _mappings(report.get("layers"))
    missing = [each for each in layers if not each.get("present")]
    code = Exit.FAILED if strict and missing else Exit.FINE
    if session.json:
        session.emit({"source": source, **report})
        return code
    session.print(f"[dim]{source}[/dim]\n", layers_table(layers))
    session.print(f"\n{_verdict(missing)}")
    interpreters = _mappings(report.get("interpreters"))
    if interpreters:
        session.print("\n[bold]Interpreters[/bold]", interpreters_table(interpreters))
    for title in ("machine", "limits"):
        facts = report.get(title)
        if isinstance(facts, Mapping) and facts:
            session.print(f"\n[bold]{title.capitalize()}[/bold]", facts_table(facts))
    return code


async def _ask(session: Session) -> tuple[Mapping[str, Any], str]:
    url = session.url()
    try:
        async with session.client() as client:
            return await client.get(path_of("doctor")), f"as the server at {url} sees its machine"
    except CommandFailed as error:
        if error.exit is not Exit.UNREACHABLE or session.given.url:
            raise
    from tapwater_server.assembly.doctor import examine

    return await examine(), f"as seen from here: no Tapwater answers at {url}"


def _mappings(raw: object) -> Sequence[Mapping[str, Any]]:
    return [each for each in raw if isinstance(each, Mapping)] if isinstance(raw, list) else []


def layers_table(layers: Sequence[Mapping[str, Any]]) -> "Table":
    """Show each layer of isolation; for a missing one, what that means."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("", no_wrap=True)
    table.add_column("layer", style="bold", no_wrap=True)
    table.add_column("here", overflow="fold")
    for layer in layers:
        present = bool(layer.get("present"))
        here = Text(str(layer.get("detail") or ""))
        if not present and layer.get("without"):
            here.append(f"\nwithout it: {layer['without']}", style="yellow")
        mark = Text("✓", style="green") if present else Text("✗", style="bold red")
        table.add_row(mark, str(layer.get("name", "")), here)
    return table


def _verdict(missing: Sequence[Mapping[str, Any]]) -> str:
    if not missing:
        return "[bold green]All layers of isolation are there.[/bold green]"
    names = ", ".join(str(each.get("name", "")) for each in missing)
    return f"[bold red]Missing: {names}.[/bold red] Functions are confined less than they could be."


def interpreters_table(interpreters: Sequence[Mapping[str, Any]]) -> "Table":
    """Show which versions of Python apps may ask for."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    for each in interpreters:
        table.add_row(f"Python {each.get('version', '?')}", str(each.get("path", "")))
    return table


def facts_table(facts: Mapping[str, Any]) -> "Table":
    """Show what the machine has, or what the platform's own ceilings allow."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    for name, value in facts.items():
        table.add_row(*_fact(name, value))
    return table


def _fact(name: str, value: object) -> tuple[str, str]:
    """Show one fact in the unit that its name ends in."""
    shown = str(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        if "bytes" in name:
            name, shown = name.replace("_bytes", ""), size(value)
        elif name.endswith("_s"):
            name, shown = name.removesuffix("_s"), duration(value)
        elif isinstance(value, int):
            shown = f"{value:,}"
    return name.replace("_", " "), shown
