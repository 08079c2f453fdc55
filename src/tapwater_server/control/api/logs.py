"""What functions said and how calls ended, once or as it happens."""

from dataclasses import asdict, replace
from typing import Any

from tapwater_server.control.api.endpoint import Asked
from tapwater_server.control.api.shapes import Lines, Records
from tapwater_server.control.api.streamed import Emit, Streamed
from tapwater_server.control.house import House
from tapwater_server.model.errors import Invalid, NotFound
from tapwater_server.model.ids import AppId, parse_app_id
from tapwater_server.ports.meter import Asked as Wanted

LIMIT_MAX = 10_000
FOLLOW_S = 0.5  # How often we look for new lines: as often as they are written down.
_LEVELS = ("debug", "info", "warning", "error", "platform")
_SEQ_MAX = 2**53


async def read_logs(house: House, asked: Asked) -> Lines | Streamed:
    wanted = _wanted(house, asked)
    if asked.flag("follow", default=False):
        return Streamed(_follow(house, wanted))
    lines = [asdict(line) for line in await house.meter.lines(wanted)]
    return Lines(lines=lines, next=_next(lines, wanted.after_seq or 0))


async def list_invocations(house: House, asked: Asked) -> Records:
    records = await house.meter.records(_wanted(house, asked))
    return Records(invocations=[asdict(record) for record in records])


async def show_invocation(house: House, asked: Asked) -> dict[str, Any]:
    id = asked.path("id")
    records = await house.meter.records(Wanted(invocation=id, count_max=1))
    if not records or not asked.principal.may_deploy(AppId(records[0].app)):
        raise NotFound(f"there is no invocation {id[:64]!r}")
    lines = await house.meter.lines(Wanted(invocation=id, count_max=LIMIT_MAX))
    return {**asdict(records[0]), "lines": [asdict(line) for line in lines]}


def _wanted(house: House, asked: Asked) -> Wanted:
    level = asked.text("level")
    if level is not None and level not in _LEVELS:
        raise Invalid(f"there is no level {level[:20]!r} (there are: {', '.join(_LEVELS)})")
    after = asked.number("after", low=0, high=_SEQ_MAX)
    limit = asked.number("limit", low=1, high=LIMIT_MAX)
    return Wanted(
        app=_one_app(asked),
        function=asked.text("function"),
        invocation=asked.text("invocation"),
        level=level,
        text=asked.text("text"),
        since=asked.number("since", low=0, high=1e11),
        until=asked.number("until", low=0, high=1e11),
        after_seq=None if after is None else int(after),
        count_max=100 if limit is None else int(limit),
    )


def _one_app(asked: Asked) -> AppId | None:
    """The app asked for; holders of a deploy token must have one of their own."""
    said = asked.text("app")
    if said is not None:
        app = parse_app_id(said)
        if not asked.principal.may_deploy(app):
            raise NotFound(f"there is no app {app}")
        return app
    if asked.principal.admin:
        return None
    if len(asked.principal.apps) == 1:
        return next(iter(asked.principal.apps))
    raise Invalid("say which app: this token is for several")


def _next(lines: list[dict[str, Any]], before: int) -> int:
    return max((int(line["seq"]) for line in lines), default=before)


def _follow(house: House, wanted: Wanted) -> Any:
    """Send what is there, then what comes, until the client goes away."""

    async def run(emit: Emit) -> None:
        asked = wanted
        while True:
            lines = [asdict(line) for line in await house.meter.lines(asked)]
            for line in lines:
                emit(line)
            asked = replace(asked, after_seq=_next(lines, asked.after_seq or 0))
            if len(lines) < asked.count_max:
                await house.clock.sleep(FOLLOW_S)

    return run
