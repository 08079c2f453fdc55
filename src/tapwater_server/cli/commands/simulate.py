"""`tapwater simulate`: the platform's own scaling decisions, run against a trace."""

import json
from pathlib import Path
from typing import Annotated

import typer

from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.session import Session
from tapwater_server.cli.talking import command


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the command."""
    command(app, "simulate", panel=panel, without=("url", "token", "data_dir"))(simulate)


async def simulate(
    session: Session,
    trace: Annotated[
        Path,
        typer.Argument(metavar="TRACE", help="CSV or NDJSON: function,time_s,duration_s,memory_mb"),
    ],
    *,
    nodes: Annotated[int, typer.Option(min=1, max=10_000, help="How many machines.")] = 1,
    memory_gb: Annotated[
        float, typer.Option("--memory", min=0.1, metavar="GB", help="For instances, of each.")
    ] = 16.0,
    fork_ms: Annotated[float, typer.Option(min=0, help="An instance from a warm zygote.")] = 5.0,
    import_ms: Annotated[float, typer.Option(min=0, help="A zygote.")] = 500.0,
    keep_alive_s: Annotated[
        float, typer.Option("--keep-alive", min=0, metavar="SECONDS", help="For idle instances.")
    ] = 60.0,
    fixed: Annotated[
        bool, typer.Option("--fixed", help="Keep all as long, whatever was seen; to compare.")
    ] = False,
) -> int | None:
    """Replay a trace of calls through the scheduler.

    Reports cold starts, waiting and memory-seconds, for any number of functions and machines.
    """
    from rich.markup import escape

    from tapwater_server.assembly import simulate as room

    try:
        arrivals = room.read_trace(trace.expanduser())
    except OSError as error:
        raise CommandFailed(
            f"{trace} cannot be read: {error.strerror or error}", exit=Exit.USAGE, code="usage"
        ) from error
    report = room.simulate(
        arrivals,
        room.SimulationSettings(
            nodes=nodes,
            memory_budget_bytes=int(memory_gb * 2**30),
            fork_s=fork_ms / 1000,
            import_s=import_ms / 1000,
            keep_alive_s=keep_alive_s,
            histogram=not fixed,
        ),
    )
    if session.json:
        session.emit(json.loads(report.to_json()))
    session.print(escape(report.to_table()))
    return None
