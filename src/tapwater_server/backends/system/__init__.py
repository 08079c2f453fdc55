"""The machine's own clock and chance: the only place where time and randomness enter."""

from tapwater_server.backends.system.clock import SystemClock
from tapwater_server.backends.system.ids import SystemIds

__all__ = ["SystemClock", "SystemIds"]
