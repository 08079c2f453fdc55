"""Telemetry for others: the loop that sends traces, logs and metrics to a collector, if one is
named.
"""

from tapwater_server.assembly.otlp_settings import read_headers
from tapwater_server.assembly.parts.ground import Ground, Part
from tapwater_server.backends.https.shipper import HttpShipper
from tapwater_server.model.ids import AppId
from tapwater_server.services.otlp.exporter import Exporter


async def open(ground: Ground) -> Part:
    chosen = ground.settings
    if not chosen.otlp_url:
        return Part(name="otlp")
    shipper = HttpShipper(
        chosen.otlp_url, headers=read_headers(chosen.otlp_headers), clock=ground.clock
    )
    ground.stack.push_async_callback(shipper.close)
    exporter = Exporter(
        shipper=shipper,
        protocol=chosen.otlp_protocol,
        sample=chosen.otlp_sample,
        node=ground.ids.fresh(),
        clock=ground.clock,
        ids=ground.ids,
    )
    ground.stores.masked.when_noted(exporter.note)
    ground.stores.masked.when_said(exporter.hear)

    async def erase(app: AppId) -> None:
        exporter.forget(app)

    return Part(name="otlp", loops=(exporter.run(),), erase=erase, service=exporter)
