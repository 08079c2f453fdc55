"""Bills of this node: the tariffs of its files, on the ledger's sums."""

from tapwater_server.assembly.parts.ground import Ground, Part
from tapwater_server.backends.sqlite.keeping import SqliteKeeping
from tapwater_server.services.billing.bill import Bills
from tapwater_server.services.billing.comparing import Comparing
from tapwater_server.services.billing.http import BillingApi
from tapwater_server.services.billing.storing import Storing


async def open(ground: Ground) -> Part:
    """Build what reads the ledger and prices it, and what samples what is kept."""
    stores = ground.stores
    bills = Bills(ledger=stores.ledger, shelf=ground.shelf)
    comparing = Comparing(
        ledger=stores.ledger,
        stats=stores.stats,
        registry=stores.registry,
        shelf=ground.shelf,
        clock=ground.clock,
    )
    api = BillingApi(
        bills=bills,
        comparing=comparing,
        registry=stores.registry,
        meter=stores.meter,
        clock=ground.clock,
    )
    storing = Storing(
        keeping=SqliteKeeping(database=stores.data), meter=stores.meter, clock=ground.clock
    )
    return Part(name="billing", node=api.endpoints(), loops=(storing.run(),), service=bills)
