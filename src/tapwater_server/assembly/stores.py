"""What is kept on disk. Everything acknowledged is here; everything else can be lost."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from tapwater_server.assembly.settings import Settings
from tapwater_server.backends.files.folders import FileFolders
from tapwater_server.backends.files.key_file import KeyFile
from tapwater_server.backends.sqlite.budgets import SqliteBudgets
from tapwater_server.backends.sqlite.bus import SqliteBus
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.eventlog import SqliteEventLog
from tapwater_server.backends.sqlite.facts import SqliteFacts
from tapwater_server.backends.sqlite.journal import Journal
from tapwater_server.backends.sqlite.ledger import SqliteLedger
from tapwater_server.backends.sqlite.meter import SqliteMeter
from tapwater_server.backends.sqlite.meter_batch import read_position
from tapwater_server.backends.sqlite.meter_salvage import open_meter
from tapwater_server.backends.sqlite.once import SqliteOnce
from tapwater_server.backends.sqlite.outbox import SqliteOutbox
from tapwater_server.backends.sqlite.projects import SqliteProjects
from tapwater_server.backends.sqlite.queues import SqliteQueues
from tapwater_server.backends.sqlite.registry import SqliteRegistry
from tapwater_server.backends.sqlite.secrets import SqliteSecrets
from tapwater_server.backends.sqlite.sessions import SqliteSessions
from tapwater_server.backends.sqlite.stats import SqliteStats
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
    ledger: SqliteLedger
    stats: SqliteStats
    bus: SqliteBus
    eventlog: SqliteEventLog
    queues: SqliteQueues
    data: Database  # documents, facts of blobs, users, and the log of their events
    folders: FileFolders
    users: SqliteUsers
    outbox: SqliteOutbox
    once: SqliteOnce
    projects: SqliteProjects
    budgets: SqliteBudgets
    facts: SqliteFacts  # of the interfaces of other clouds


async def open_stores(
    settings: Settings, *, clock: Clock, steady: Clock, ids: IdSource, stack: AsyncExitStack
) -> Stores:
    """Open everything; what is opened is closed with the stack, in reverse."""
    data = settings.data
    state = Database(data / "state.db", schema="state")
    stack.push_async_callback(state.close)
    errands = Database(data / "bus.db", schema="bus")
    stack.push_async_callback(errands.close)
    data_file = Database(data / "data.db", schema="data")
    stack.push_async_callback(data_file.close)
    # Records may lose the last half second in a power failure; they must not cost an fsync each.
    records = open_meter(data / "meter.db", journal=data / "journal")
    stack.push_async_callback(records.close)
    projects = SqliteProjects(database=state)
    journal = Journal(data / "journal", since=records.load(read_position))
    meter = SqliteMeter(
        database=records,
        clock=steady,
        journal=journal,
        project_of=projects.of,
        kept_bytes_max=settings.retention_bytes,
        sample=settings.record_sample,
    )
    stack.push_async_callback(meter.close)
    await meter.flush()  # What the last life left, before anybody asks for sums.
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
    await outbox.reclaim(now=clock.now())
    return Stores(
        registry=SqliteRegistry(database=state, followers=(secrets, tokens, sessions)),
        secrets=secrets,
        tokens=tokens,
        sessions=sessions,
        meter=meter,
        masked=Masked(meter, forms_of=known.of),
        known=known,
        ledger=SqliteLedger(database=records, flush=meter.flush),
        stats=SqliteStats(database=records, flush=meter.flush, clock=clock),
        bus=bus,
        eventlog=eventlog,
        queues=SqliteQueues(database=data_file),
        data=data_file,
        folders=FileFolders(data),
        users=SqliteUsers(database=data_file, log=eventlog, outbox=outbox),
        outbox=outbox,
        once=once,
        projects=projects,
        budgets=SqliteBudgets(database=state),
        facts=SqliteFacts(database=state),
    )
