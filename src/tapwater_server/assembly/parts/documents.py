"""Documents on a node: the store beside the event log, the hub of subscriptions, the upkeep."""

from tapwater_server.assembly.parts.ground import Ground, Part
from tapwater_server.backends.sqlite.documents import SqliteDocuments
from tapwater_server.model.ids import AppId
from tapwater_server.services.docs.declared import Declared
from tapwater_server.services.docs.http import DocsHttp
from tapwater_server.services.docs.http_store import StoreHttp
from tapwater_server.services.docs.hub import Hub
from tapwater_server.services.docs.service import DocsService
from tapwater_server.services.docs.upkeep import Upkeep
from tapwater_server.services.docs.watching import Watching


async def open(ground: Ground) -> Part:
    """Open the documents."""
    stores, clock = ground.stores, ground.clock
    documents = SqliteDocuments(
        database=stores.data,
        log=stores.eventlog,
        clock=clock,
        ids=ground.ids,
        removing=ground.steady,
    )
    service = DocsService(documents=documents, rules=ground.rules, clock=clock)
    hub = Hub(log=stores.eventlog, documents=documents, clock=clock)
    upkeep = Upkeep(documents=documents, clock=clock)
    declared = Declared(registry=stores.registry, documents=documents, upkeep=upkeep, clock=clock)
    watching = Watching(
        service=service, documents=documents, log=stores.eventlog, hub=hub, clock=clock
    )

    async def erase(app: AppId) -> None:
        hub.end(app)
        await documents.erase(app)

    http = DocsHttp(service=service, watching=watching, clock=clock, ids=ground.ids)
    store = StoreHttp(service=service, upkeep=upkeep)
    return Part(
        name="docs",
        endpoints=(*http.endpoints(), *store.endpoints()),
        sockets=http.sockets(),
        loops=(hub.run(), hub.run_beat(), upkeep.run(), declared.run()),
        erase=erase,
        service=service,
    )
