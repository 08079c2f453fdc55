"""MQTT on this node: every app's broker, its doors where they are wanted, brokers elsewhere."""

import asyncio
from importlib.metadata import version
from pathlib import Path

from tapwater_server.assembly.parts.ground import Ground, Part
from tapwater_server.assembly.settings import Settings
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.mqtt import SqliteMqtt
from tapwater_server.gateway.tls import Certificate
from tapwater_server.model.ids import AppId, parse_app_id
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.services.mqtt.access import Door
from tapwater_server.services.mqtt.billing import Billing
from tapwater_server.services.mqtt.broker import Broker
from tapwater_server.services.mqtt.http import MqttApi
from tapwater_server.services.mqtt.limits import BrokerLimits
from tapwater_server.services.mqtt.listeners import Listeners
from tapwater_server.services.mqtt.remotes import Remotes
from tapwater_server.services.mqtt.server import Listening, MqttServer
from tapwater_server.services.mqtt.service import MqttService
from tapwater_server.services.mqtt.sessions import Sessions

RENEW_EVERY_S = 30.0


async def open(ground: Ground) -> Part:
    """The broker is always there, for functions and over HTTP; sockets only if asked for."""
    settings, stores = ground.settings, ground.stores
    database = Database(settings.data / "mqtt.db", schema="mqtt")
    ground.stack.push_async_callback(database.close)
    store, log = SqliteMqtt(database=database), stores.eventlog
    listeners = Listeners(stores.registry)
    broker = Broker(
        store=store,
        log=log,
        hears=listeners.hears,
        clock=ground.clock,
        ids=ground.ids,
        limits=BrokerLimits(keep_alive_s_max=settings.mqtt_keep_alive_s_max),
        version=version("tapwater"),
    )
    sessions = Sessions(broker=broker, store=store)
    await sessions.recover()
    billing = Billing(spaces=lambda: broker.spaces, meter=stores.meter, clock=ground.clock)
    door = _door(ground, billing)
    server = MqttServer(broker=broker, sessions=sessions, door=door, clock=ground.clock)
    ground.stack.push_async_callback(server.stop)
    certificate = None
    if settings.mqtt and settings.tls_cert and settings.tls_key:
        certificate = Certificate(str(settings.tls_cert), str(settings.tls_key))
    await server.start(_doors(settings, certificate))
    remotes = Remotes(
        registry=stores.registry,
        secrets=stores.secrets,
        listeners=listeners,
        log=log,
        clock=ground.clock,
        ids=ground.ids,
        node=_node_name(settings.data / "mqtt-node", ground.ids),
    )
    service = MqttService(
        broker=broker,
        sessions=sessions,
        server=server,
        door=door,
        clock=ground.clock,
        elsewhere=remotes.state,
    )
    renewing = (_renewing(certificate, ground.clock),) if certificate is not None else ()
    return Part(
        name="mqtt",
        endpoints=MqttApi(service).endpoints(),
        loops=(
            broker.run(),
            broker.committer.run(),
            server.run(),
            remotes.run(),
            billing.run(),
            *renewing,
        ),
        erase=sessions.erase,
        service=service,
    )


def _door(ground: Ground, billing: Billing) -> Door:
    stores, anonymous = ground.stores, ground.settings.mqtt_anonymous
    accounts = ground.spending.accounts

    def over_budget(app: AppId) -> bool:
        if not accounts.any:
            return False
        billing.tell(app)
        return accounts.check(app) is not None

    return Door(
        tokens=stores.tokens,
        identities=ground.identities,
        rules=ground.rules,
        knows=lambda app: app in stores.registry.apps(),
        anonymous=parse_app_id(anonymous) if anonymous else None,
        trusting=ground.settings.dev,
        over_budget=over_budget,
    )


def _doors(settings: Settings, certificate: Certificate | None) -> tuple[Listening, ...]:
    """Passwords in plain text stay on this machine, unless an operator says otherwise."""
    if not settings.mqtt:
        return ()
    plain = Listening(host=settings.mqtt_host, port=settings.mqtt_port)
    if certificate is None:
        return (plain,)
    secured = Listening(host=settings.host, port=settings.mqtt_tls_port, tls=certificate.context)
    return (plain, secured)


async def _renewing(certificate: Certificate, clock: Clock) -> None:
    """A renewed certificate needs no restart."""
    while True:
        await clock.sleep(RENEW_EVERY_S)
        await asyncio.to_thread(certificate.reload_if_changed)


def _node_name(path: Path, ids: IdSource) -> str:
    """Give this node a name that brokers elsewhere know it by, made once."""
    if not path.exists():
        path.write_text(ids.fresh().lower())
    return path.read_text("utf-8").strip()
