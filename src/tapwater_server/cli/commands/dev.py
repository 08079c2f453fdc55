"""`tapwater dev`: a platform of one's own around the app one is writing."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tapwater_server.cli.failures import Exit
from tapwater_server.cli.places import DEV_FOLDER
from tapwater_server.cli.session import Session
from tapwater_server.cli.talking import command

if TYPE_CHECKING:
    from tapwater_server.assembly.settings import Settings
    from tapwater_server.cli.project import Project

_DRAIN_S = 1.0  # Ctrl-C while writing code means now; open log streams must not hold it up.


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the command."""
    command(app, "dev", panel=panel, without=("url", "token", "data_dir"), serves=True)(dev)


async def dev(
    session: Session,
    path: Annotated[
        Path, typer.Argument(help="The app's folder, or one Python file.", show_default=False)
    ] = Path(),
    *,
    port: Annotated[
        int | None, typer.Option(help="Default: 8080, or the next free one.", min=0, max=65535)
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="Default: .tapwater in the app's folder."),
    ] = None,
    mqtt: Annotated[
        bool, typer.Option("--mqtt", help="Let MQTT clients connect; here without a password.")
    ] = False,
    name: Annotated[
        str | None, typer.Option("--name", help="The app's name, instead of its own.")
    ] = None,
) -> int | None:
    """Run an app while you write it: every save is live in a moment."""
    from tapwater_server.cli.project import open_project
    from tapwater_server.cli.workshop import Workshop

    project = open_project(path, name=name)
    with _data_folder(project, data) as folder:
        settings = _settings(session, folder, port, mqtt_app=project.name if mqtt else "")
        await Workshop(session, project, settings).run()
    session.say("Stopped.")
    return Exit.FINE


@contextmanager
def _data_folder(project: "Project", said: Path | None) -> Iterator[Path]:
    """Give the data directory: of the project, or for a single file one that goes away."""
    if said is not None:
        yield said.expanduser().absolute()
    elif project.file is not None:
        with tempfile.TemporaryDirectory(prefix="tapwater-dev-") as folder:
            yield Path(folder)
    else:
        here = project.folder / DEV_FOLDER
        here.mkdir(mode=0o700, exist_ok=True)
        (here / ".gitignore").write_text("*\n")
        yield here


def _settings(session: Session, data: Path, port: int | None, *, mqtt_app: str) -> "Settings":
    from tapwater_server.assembly.settings import load
    from tapwater_server.cli.serving import free_port

    said: dict[str, object] = {"data": str(data), "host": "127.0.0.1", "dev": True}
    said["drain_s"] = _DRAIN_S
    if mqtt_app:
        said |= {"mqtt": True, "mqtt_anonymous": mqtt_app}
    settings = load({**said, "port": port})
    if settings.mqtt and settings.mqtt_port:
        said["mqtt_port"] = free_port(settings.mqtt_host, settings.mqtt_port)
        session.say(f"MQTT clients connect to mqtt://{settings.mqtt_host}:{said['mqtt_port']}")
        settings = load({**said, "port": port})
    if port is not None or settings.port == 0:
        return settings
    free = free_port(settings.host, settings.port)
    if free != settings.port:
        session.say(f"Port {settings.port} is taken; this is [bold]{free}[/bold].")
    return load({**said, "port": free})
