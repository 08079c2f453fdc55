"""Who tells people and functions that something is wrong; other parts open one each."""

from tapwater_server.assembly.parts.ground import Ground
from tapwater_server.assembly.parts.mail import open_post
from tapwater_server.backends.https.fetcher import HttpsFetcher
from tapwater_server.services.notifying.notifier import PlainNotifier


def open_notifier(ground: Ground) -> PlainNotifier:
    """Build one. Whoever opens it must let its ``run()`` run, as one of the part's loops."""
    fetcher = HttpsFetcher()
    ground.stack.push_async_callback(fetcher.close)
    return PlainNotifier(
        log=ground.stores.eventlog,
        post=open_post(ground),
        poster=fetcher,
        clock=ground.clock,
        ids=ground.ids,
        own_network=ground.settings.reach_private,
    )
