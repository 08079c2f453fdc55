"""The rules of all apps; they have no API of their own: they come with each deployment."""

from tapwater_server.assembly.stores import Stores
from tapwater_server.ports.clock import Clock
from tapwater_server.rules.live import LiveRules


def open_rules(stores: Stores, *, clock: Clock) -> LiveRules:
    """Give the rules that hold now."""
    return LiveRules(registry=stores.registry, clock=clock)
