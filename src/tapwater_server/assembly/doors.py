"""What listens: the gateway, and below ``/_/`` the dashboard, the services, the node's API."""

from collections.abc import Sequence

from tapwater_server.assembly.furnishing import AWS
from tapwater_server.assembly.parts import dashboard
from tapwater_server.assembly.parts.ground import Ground
from tapwater_server.assembly.requestline import RequestLine
from tapwater_server.assembly.services import Services
from tapwater_server.assembly.settings import Settings
from tapwater_server.gateway.server import Gateway
from tapwater_server.gateway.settings import DoorLimits, GatewaySettings
from tapwater_server.model.ids import AppId
from tapwater_server.ports.registry import live_revision
from tapwater_server.web.callers import Callers
from tapwater_server.web.dispatch import Table
from tapwater_server.web.endpoint import Endpoint
from tapwater_server.web.http import ServicesApp
from tapwater_server.web.node_app import NodeApp
from tapwater_server.web.using import Using


def open_doors(
    ground: Ground, line: RequestLine, services: Services, control: Sequence[Endpoint]
) -> tuple[Gateway, Table]:
    """Give the gateway, and the table of the node's own API."""
    stores = ground.stores
    browsers = dashboard.open_browsers(ground)
    callers = Callers(tokens=stores.tokens, identities=ground.identities, browsers=browsers)
    door = dashboard.open_door(ground, services.parts, browsers)
    node = NodeApp(
        (*services.node, *control, *door.endpoints()), callers=callers, clock=ground.clock
    )
    apis = ServicesApp(
        table=services.table,
        callers=callers,
        exists=ground.exists,
        hosts=lambda app: _hosts(ground, app),
        otherwise=node,
        using=Using(meter=stores.meter, clock=ground.clock),
        clock=ground.clock,
    )
    cloud = next((part.cloud for part in services.parts if part.cloud is not None), None)
    gateway = Gateway(
        invoker=line.front,
        registry=stores.registry,
        tokens=stores.tokens,
        identities=ground.identities,
        clock=ground.clock,
        ids=ground.ids,
        internal=dashboard.before(ground, door, apis),
        public=line.images.public,
        settings=_settings(ground.settings),
        cloud=cloud,
    )
    if cloud is not None:
        line.confinement.egress.lead({AWS: gateway.enter})
    return gateway, node.table


def _hosts(ground: Ground, app: AppId) -> Sequence[str]:
    revision = live_revision(ground.stores.registry, app)
    return revision.hosts if revision is not None else ()


def _settings(settings: Settings) -> GatewaySettings:
    return GatewaySettings(
        host=settings.host,
        port=settings.port,
        tls_certificate=str(settings.tls_cert or ""),
        tls_key=str(settings.tls_key or ""),
        trusted_proxies=settings.trusted_proxies,
        dashboard_hosts=dashboard.dashboard_hosts(settings),
        reuse_port=settings.reuse_port,
        dev=settings.dev,
        limits=DoorLimits(drain_s_max=settings.drain_s),
    )
