"""Recordings of calls on this node, and running them again."""

from tapwater_server.assembly.parts.ground import Ground, Part
from tapwater_server.assembly.settings import Settings
from tapwater_server.backends.sqlite.recordings import SqliteRecordings
from tapwater_server.backends.sqlite.setting_aside import open_or_begin_anew
from tapwater_server.services.replay.http import ReplayApi
from tapwater_server.services.replay.service import ReplayService
from tapwater_server.services.replay.settings import DAY_S, ReplaySettings
from tapwater_server.services.replay.writing import Writing


def replay_settings(settings: Settings) -> ReplaySettings:
    """What the operator chose."""
    return ReplaySettings(
        share=settings.record_payloads,
        keep_s=settings.record_days * DAY_S,
        bytes_max=settings.record_bytes,
    )


async def open(ground: Ground) -> Part:
    """Build it. The recorder stands in the request line already, and has been waiting for this."""
    database = open_or_begin_anew(ground.settings.data / "recordings.db", schema="recordings")
    ground.stack.push_async_callback(database.close)
    recordings = SqliteRecordings(database=database)
    forms_of = ground.stores.known.of
    writing = Writing(
        recorder=ground.recorder,
        recordings=recordings,
        forms_of=forms_of,
        clock=ground.steady,
        exists=ground.exists,
        settings=replay_settings(ground.settings),
    )
    ground.stack.push_async_callback(writing.settle)
    service = ReplayService(
        recordings=recordings,
        registry=ground.stores.registry,
        invoker=ground.invoker,
        bindings=ground.bindings,
        forms_of=forms_of,
        fresh_trace=ground.tracer.fresh,
        clock=ground.clock,
        ids=ground.ids,
    )
    api = ReplayApi(
        service=service,
        recordings=recordings,
        writing=writing,
        registry=ground.stores.registry,
    )
    return Part(
        name="replay",
        node=api.endpoints(),
        loops=(writing.run(),),
        erase=writing.erase,
        sweep=writing.sweep,
        service=service,
    )
