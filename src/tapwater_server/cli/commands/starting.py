"""`tapwater init` and `tapwater up`: a new app, and a server for it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tapwater_server.cli.failures import Exit
from tapwater_server.cli.session import Session
from tapwater_server.cli.talking import command

if TYPE_CHECKING:
    from tapwater_server.assembly.node import Ready


def register(app: typer.Typer, *, panel: str) -> None:
    """Add ``init``: where everybody begins."""
    command(app, "init", panel=panel)(init)


def register_server(app: typer.Typer, *, panel: str) -> None:
    """Add ``up``: for those who run a server."""
    command(app, "up", panel=panel, without=("url", "token"), serves=True)(up)


async def init(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new app's folder and name.")],
) -> int | None:
    """Make a starter app: one function, its test, its settings."""
    from rich.markup import escape

    from tapwater_server.cli.project import normalised
    from tapwater_server.cli.starter import write_starter
    from tapwater_server.model.ids import parse_app_id

    folder = session.folder / name
    app = parse_app_id(normalised(folder.name))
    written = write_starter(folder, app=app)
    if session.json:
        session.emit({"app": app, "folder": str(folder), "files": written})
        return Exit.FINE
    session.print(f"[bold green]{app}[/bold green] is in {folder}:")
    for file in written:
        session.print(f"  {escape(file)}")
    session.print(f"\nNext:\n  cd {name}\n  tapwater dev")
    return Exit.FINE


async def up(
    session: Session,
    *,
    host: Annotated[
        str | None, typer.Option(help="Where to listen. Default: loopback only.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Default: 8080; 0: any free one.")] = None,
    config: Annotated[Path | None, typer.Option(help="The settings file; TAPWATER_CONFIG.")] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Serve HTTPS: the chain, as PEM.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The key to it, as PEM.")
    ] = None,
    mqtt: Annotated[
        bool | None, typer.Option("--mqtt", help="Let MQTT clients connect, on port 1883.")
    ] = None,
    allow_weak: Annotated[
        bool | None,
        typer.Option("--allow-weak", help="Serve though layers of isolation are missing."),
    ] = None,
) -> int | None:
    """Start the server.

    Ctrl-C stops it when the calls in flight are answered.

    Every setting can also be a TAPWATER_* variable or stand in the settings file
    (docs/guides/server.md).
    """
    from tapwater_server.assembly.settings import load
    from tapwater_server.cli.serving import serve

    named = session.given.data
    settings = load(
        {
            "data": named,
            "host": host,
            "port": port,
            "config": config,
            "tls_cert": tls_cert,
            "tls_key": tls_key,
            "mqtt": mqtt,
            "allow_weak": allow_weak,
        }
    )
    await serve(settings, ready=lambda node: _show_ready(session, node, sends=settings.smtp_url))
    return Exit.FINE


def _show_ready(session: Session, node: "Ready", *, sends: str) -> None:
    if session.json:
        session.emit(
            {
                "url": node.url,
                "dashboard": node.dashboard,
                "data": str(node.data),
                "warnings": list(node.warnings),
            }
        )
    for warning in node.warnings:
        session.warn(warning)
    session.print(f"[bold green]Tapwater serves[/bold green] at [bold]{node.url}[/bold]")
    session.print(f"  open    {node.dashboard}")
    session.print(f"  data    {node.data}")
    if not sends:
        session.print("  mail    is kept and not sent, until the setting smtp_url names a server")
    if node.token:
        session.print(f"  token   {node.token}")
        session.print(
            f"  [dim]the admin token, shown this once; it is kept in {node.data}/admin-token, "
            "readable by you only[/dim]"
        )
    session.print("  stop    Ctrl-C")
