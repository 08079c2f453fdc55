"""Users of apps: who they are, signing up and in, their keys."""

from tapwater_server.assembly.parts.ground import Ground, Part
from tapwater_server.assembly.parts.mail import open_post
from tapwater_server.assembly.stores import Stores
from tapwater_server.backends.https.fetcher import HttpsFetcher
from tapwater_server.model.ids import AppId
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.services.auth.access import AccessTokens
from tapwater_server.services.auth.accounts import Accounts
from tapwater_server.services.auth.desk import Desk
from tapwater_server.services.auth.desk_http import DeskHttp
from tapwater_server.services.auth.elsewhere import Elsewhere
from tapwater_server.services.auth.elsewhere_http import ElsewhereHttp
from tapwater_server.services.auth.entrance import Entrance
from tapwater_server.services.auth.house import House
from tapwater_server.services.auth.http import AuthHttp
from tapwater_server.services.auth.identities import AppIdentities
from tapwater_server.services.auth.issuers import Issuers
from tapwater_server.services.auth.pacing import Pacing
from tapwater_server.services.auth.passwords import Passwords
from tapwater_server.services.auth.settings import LiveSettings
from tapwater_server.services.auth.signing import SigningKeys


def open_identities(stores: Stores, *, clock: Clock, ids: IdSource) -> AppIdentities:
    """Give what knows users by their tokens; the gateway and all services ask it."""
    keys = SigningKeys(secrets=stores.secrets, clock=clock, ids=ids)
    access = AccessTokens(keys=keys, clock=clock)
    return AppIdentities(users=stores.users, access=access, keys=keys, clock=clock)


async def open(ground: Ground) -> Part:
    identities = ground.identities
    assert isinstance(identities, AppIdentities)
    passwords = Passwords()
    ground.stack.callback(passwords.close)
    house = House(
        users=ground.stores.users,
        keys=identities.keys,
        access=identities.access,
        passwords=passwords,
        pacing=Pacing(clock=ground.clock),
        post=open_post(ground),
        settings=LiveSettings(ground.stores.registry),
        clock=ground.clock,
        ids=ground.ids,
    )
    entrance = Entrance(house)
    desk = Desk(house)
    public = AuthHttp(
        house, accounts=Accounts(house, entrance=entrance), entrance=entrance, desk=desk
    )

    fetcher = HttpsFetcher()
    ground.stack.push_async_callback(fetcher.close)
    reach = ground.settings.reach_private or ground.settings.dev
    issuers = Issuers(fetcher=fetcher, clock=ground.clock, own_network=reach)
    elsewhere = Elsewhere(house, entrance=entrance, issuers=issuers, secrets=ground.stores.secrets)
    tables = (public, DeskHttp(house, desk=desk), ElsewhereHttp(house, elsewhere=elsewhere))

    async def erase(app: AppId) -> None:
        await ground.stores.users.erase(app)
        await identities.keys.erase(app)
        identities.access.forget(app)

    async def sweep() -> None:
        await ground.stores.users.sweep(now=ground.steady.now())

    return Part(
        name="users",
        endpoints=tuple(endpoint for table in tables for endpoint in table.endpoints()),
        erase=erase,
        sweep=sweep,
        service=house,
    )
