"""The ``tapwater`` command: its options, and its commands in the order a newcomer meets them."""

from pathlib import Path
from typing import Annotated

import typer

from tapwater_server.cli.commands import (
    alerts,
    aws,
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
    export,
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
from tapwater_server.cli.helping import BEGIN, DEPLOY, MONEY, RUN, SEE, SERVICES, Grouped
from tapwater_server.cli.session import Given
from tapwater_server.cli.talking import AsJson


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
    starting.register(app, panel=BEGIN)
    dev.register(app, panel=BEGIN)
    deploy.register(app, panel=DEPLOY)
    call.register(app, panel=DEPLOY)
    result.register(app, panel=DEPLOY)
    listing.register(app, panel=DEPLOY)
    traffic.register(app, panel=DEPLOY)
    secrets.register(app, panel=DEPLOY)
    export.register(app, panel=DEPLOY)
    docs.register(app, panel=SERVICES)
    blobs.register(app, panel=SERVICES)
    queue.register(app, panel=SERVICES)
    schedules.register(app, panel=SERVICES)
    cache.register(app, panel=SERVICES)
    mqtt.register(app, panel=SERVICES)
    users.register(app, panel=SERVICES)
    rules.register(app, panel=SERVICES)
    aws.register(app, panel=SERVICES)
    mail.register(app, panel=SERVICES)
    logs.register(app, panel=SEE)
    stats.register(app, panel=SEE)
    trace.register(app, panel=SEE)
    errors.register(app, panel=SEE)
    alerts.register(app, panel=SEE)
    events.register(app, panel=SEE)
    replay.register(app, panel=SEE)
    profile.register(app, panel=SEE)
    top.register(app, panel=SEE)
    bill.register(app, panel=MONEY)
    budgets.register(app, panel=MONEY)
    projects.register(app, panel=MONEY)
    starting.register_server(app, panel=RUN)
    tokens.register(app, panel=RUN)
    doctor.register(app, panel=RUN)
    simulate.register(app, panel=RUN)
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
