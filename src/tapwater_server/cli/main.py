"""The ``tapwater`` command: its options, and its commands in the order a newcomer meets them."""

from pathlib import Path
from typing import Annotated

import typer

from tapwater_server.cli.commands import (
    alerts,
    bill,
    blobs,
    budgets,
    cache,
    call,
    deploy,
    dev,
    docs,
    doctor,
    errors,
    events,
    listing,
    logs,
    mail,
    mqtt,
    profile,
    projects,
    queue,
    replay,
    result,
    rules,
    schedules,
    secrets,
    simulate,
    starting,
    stats,
    tokens,
    top,
    trace,
    traffic,
    users,
)
from tapwater_server.cli.helping import Grouped
from tapwater_server.cli.session import Given
from tapwater_server.cli.talking import AsJson

_BEGIN, _DEPLOY, _SEE, _RUN = "Begin", "Deploy", "See", "Operate"


def build() -> typer.Typer:
    """Put the command line together."""
    app = typer.Typer(
        name="tapwater",
        no_args_is_help=True,
        cls=Grouped,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    starting.register(app, panel=_BEGIN)
    dev.register(app, panel=_BEGIN)
    deploy.register(app, panel=_DEPLOY)
    call.register(app, panel=_DEPLOY)
    result.register(app, panel=_DEPLOY)
    listing.register(app, panel=_DEPLOY)
    traffic.register(app, panel=_DEPLOY)
    secrets.register(app, panel=_DEPLOY)
    docs.register(app, panel=_DEPLOY)
    blobs.register(app, panel=_DEPLOY)
    queue.register(app, panel=_DEPLOY)
    schedules.register(app, panel=_DEPLOY)
    cache.register(app, panel=_DEPLOY)
    mqtt.register(app, panel=_DEPLOY)
    users.register(app, panel=_DEPLOY)
    rules.register(app, panel=_DEPLOY)
    mail.register(app, panel=_DEPLOY)
    logs.register(app, panel=_SEE)
    stats.register(app, panel=_SEE)
    trace.register(app, panel=_SEE)
    errors.register(app, panel=_SEE)
    alerts.register(app, panel=_SEE)
    events.register(app, panel=_SEE)
    replay.register(app, panel=_SEE)
    profile.register(app, panel=_SEE)
    top.register(app, panel=_SEE)
    bill.register(app, panel=_SEE)
    doctor.register(app, panel=_SEE)
    simulate.register(app, panel=_SEE)
    starting.register_server(app, panel=_RUN)
    tokens.register(app, panel=_RUN)
    budgets.register(app, panel=_RUN)
    projects.register(app, panel=_RUN)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"tapwater {version('tapwater')}")
        raise typer.Exit


def _options(
    context: typer.Context,
    *,
    url: Annotated[
        str | None, typer.Option("--url", envvar="TAPWATER_URL", help="The server's address.")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            envvar="TAPWATER_TOKEN",
            show_envvar=True,
            help="Better by the variable, or `tapwater login`: others can see arguments.",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", envvar="TAPWATER_DATA", help="The server's data directory."),
    ] = None,
    as_json: AsJson = False,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show it.")
    ] = False,
) -> None:
    """A folder of functions in, a running cloud out.

    The options that say which server may stand before or after a command.
    """
    context.obj = Given(url=url, token=token, data=data, json=as_json)


def main() -> None:
    """Run one command."""
    build()(prog_name="tapwater")


if __name__ == "__main__":
    main()
