"""E-mail: the outbox, the loop that empties it, the inbox where there is no server."""

from tapwater_server.assembly.parts.ground import Ground, Part
from tapwater_server.backends.smtp.carrier import SmtpCarrier
from tapwater_server.ports.mail_server import read_server
from tapwater_server.services.mail.http import MailHttp
from tapwater_server.services.mail.post import AppPost, MailSettings, Ways
from tapwater_server.services.mail.sending import Sender

KEPT_S = 14 * 86_400.0  # How long one can look at what was sent.


def open_ways(ground: Ground) -> Ways:
    """Where each app's mail goes."""
    chosen = ground.settings
    url = chosen.smtp_url
    return Ways(
        secrets=ground.stores.secrets,
        settings=MailSettings(
            server=read_server(url, own_network=True) if url else None,
            sender=chosen.mail_from,
            keep=chosen.dev,
            reach_private=chosen.reach_private,
        ),
    )


def open_post(ground: Ground) -> AppPost:
    """Give what takes mails; other parts send through it too."""
    return AppPost(
        outbox=ground.stores.outbox, ways=open_ways(ground), clock=ground.clock, ids=ground.ids
    )


async def open(ground: Ground) -> Part:
    outbox, clock = ground.stores.outbox, ground.clock
    carrier = SmtpCarrier()
    ground.stack.callback(carrier.close)
    sender = Sender(
        outbox=outbox,
        ways=open_ways(ground),
        carrier=carrier,
        clock=clock,
        ids=ground.ids,
        tracer=ground.tracer,
    )
    http = MailHttp(post=open_post(ground), outbox=outbox, clock=clock, page=ground.settings.dev)

    async def sweep() -> None:
        await outbox.sweep(before=ground.steady.now() - KEPT_S)

    return Part(
        name="mail",
        endpoints=http.endpoints(),
        loops=(sender.run(),),
        erase=outbox.erase,
        sweep=sweep,
    )
