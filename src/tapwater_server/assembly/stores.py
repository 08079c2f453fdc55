"""What is kept on disk. Everything acknowledged is here; everything else can be lost."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from tapwater_server.backends.files.folders import FileFolders
from tapwater_server.backends.files.key_file import KeyFile
from tapwater_server.backends.memory.ledger import MemoryLedger
from tapwater_server.backends.memory.stats import MemoryStats
from tapwater_server.backends.sqlite.bus import SqliteBus
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.eventlog import SqliteEventLog
from tapwater_server.backends.sqlite.meter import SqliteMeter
from tapwater_server.backends.sqlite.once import SqliteOnce
from tapwater_server.backends.sqlite.outbox import SqliteOutbox
from tapwater_server.backends.sqlite.queues import SqliteQueues
from tapwater_server.backends.sqlite.registry import SqliteRegistry
from tapwater_server.backends.sqlite.secrets import SqliteSecrets
from tapwater_server.backends.sqlite.sessions import SqliteSessions
from tapwater_server.backends.sqlite.tokens import SqliteTokens
from tapwater_server.backends.sqlite.users import SqliteUsers
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.services.masking.known import KnownSecrets
from tapwater_server.services.masking.masked import Masked


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """The stores of one node, all below its data directory."""

    registry: SqliteRegistry
    secrets: SqliteSecrets
    tokens: SqliteTokens
    sessions: SqliteSessions  # of the dashboard
    meter: SqliteMeter  # to read
    masked: Masked  # the same, to write: what passes it has its secrets hidden
    known: KnownSecrets  # what is hidden
    ledger: MemoryLedger
    stats: MemoryStats
    bus: SqliteBus
    eventlog: SqliteEventLog
    queues: SqliteQueues
    data: Database  # documents, facts of blobs, users, and the log of their events
    folders: FileFolders
    users: SqliteUsers
    outbox: SqliteOutbox
    once: SqliteOnce


async def open_stores(data: Path, *, clock: Clock, ids: IdSource, stack: AsyncExitStack) -> Stores:
    """Open everything; what is opened is closed with the stack, in reverse."""
    state = Database(data / "state.db", schema="state")
    stack.push_async_callback(state.close)
    errands = Database(data / "bus.db", schema="bus")
    stack.push_async_callback(errands.close)
    data_file = Database(data / "data.db", schema="data")
    stack.push_async_callback(data_file.close)
    # Records may lose the last half second in a power failure; they must not cost an fsync each.
    records = Database(data / "meter.db", schema="meter", synchronous="NORMAL")
    stack.push_async_callback(records.close)
    meter = SqliteMeter(database=records, clock=clock)
    stack.push_async_callback(meter.close)
    bus = SqliteBus(database=errands, clock=clock)
    await bus.reclaim()
    secrets = SqliteSecrets(database=state, key_file=KeyFile(data / "secret-key"))
    known = KnownSecrets(secrets)
    tokens = SqliteTokens(database=state, ids=ids)
    sessions = SqliteSessions(database=state)
    eventlog = SqliteEventLog(database=data_file, clock=clock)
    outbox = SqliteOutbox(database=data_file)
    once = SqliteOnce(database=data_file, clock=clock, ids=ids)
    await once.reclaim()
    return Stores(
        registry=SqliteRegistry(database=state, followers=(secrets, tokens, sessions)),
        secrets=secrets,
        tokens=tokens,
        sessions=sessions,
        meter=meter,
        masked=Masked(meter, forms_of=known.of),
        known=known,
        ledger=MemoryLedger(meter, project_of=lambda app: "default"),
        stats=MemoryStats(meter),
        bus=bus,
        eventlog=eventlog,
        queues=SqliteQueues(database=data_file),
        data=data_file,
        folders=FileFolders(data),
        users=SqliteUsers(database=data_file, log=eventlog, outbox=outbox),
        outbox=outbox,
        once=once,
    )
