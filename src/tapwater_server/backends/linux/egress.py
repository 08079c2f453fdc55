"""What leaves a function's network: nothing, but what it declared; see docs/guides/egress.md."""

import logging
import resource
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from weakref import WeakSet

from tapwater_server.backends.linux import egress_layers, egress_plan, egress_policy
from tapwater_server.backends.linux.egress_forwarder import Entrance, Forwarder, Seats
from tapwater_server.backends.linux.egress_names import Lookup, Names, lookup
from tapwater_server.backends.linux.egress_plan import Address, EgressPlan, Target
from tapwater_server.backends.linux.egress_policy import Policy
from tapwater_server.backends.linux.egress_routes import Routes
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.sandbox import Layer

__all__ = ["Egress", "EgressPlan", "Forwarder", "Policy"]

TELL_S = 1.0
CONNECTIONS_MAX = 8192  # Of all functions of this node together.
_LOG = logging.getLogger(__name__)


class Egress:
    """Makes plans of declarations and forwarders of plans. One per platform.

    ``policy`` is the operator's: networks that are open or closed whatever anybody declares.
    ``lookup`` asks for the addresses of a name, in a thread. ``sent`` hears who sent how many
    bytes to the world, within ``TELL_S``.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        policy: Policy | None = None,
        lookup: Lookup = lookup,
        sent: Callable[[str, int], None] | None = None,
    ) -> None:
        self._sent = sent or _nobody
        self._forwarders: WeakSet[Forwarder] = WeakSet()
        self._doors: dict[str, Entrance] = {}
        self._clock = clock
        self._policy = policy or Policy()
        self._names = Names(clock=clock, lookup=lookup)
        self._routes = Routes()
        self._seats = Seats(_connections_max())

    def lead(self, doors: Mapping[str, Entrance]) -> None:
        """Say who serves connections to doors of the platform's own."""
        self._doors.update(doors)

    def plan(self, egress: tuple[str, ...], *, door: str = "") -> EgressPlan:
        """Read what a function declared, and the name of the door its network leads to.

        Raises:
            Invalid: an entry cannot be understood.
        """
        return egress_plan.plan(egress, door=door)

    def serve(
        self,
        plan: EgressPlan,
        listener_fds: Sequence[int],
        owner: str = "",
        *,
        note: Callable[[str], None] | None = None,
    ) -> Forwarder:
        """Forward what arrives at the sockets ``egress_all.setup(plan.wire())`` gave; they are
        ours from now on. ``owner`` is whose they are, for ``sent``; ``note`` hears why something
        was refused or failed.
        """
        forwarder = Forwarder(
            plan,
            listener_fds,
            clock=self._clock,
            names=self._names,
            refusal=self._refusal,
            seats=self._seats,
            doors=self._doors,
            note=note or _LOG.info,
            sent=partial(self._sent, owner),
        )
        if plan.targets:  # Through the others nothing can go.
            self._forwarders.add(forwarder)
        return forwarder

    async def run(self) -> None:
        """Tell of what was sent, as long as this is served."""
        while True:
            await self._clock.sleep(TELL_S)
            self.step()

    def step(self) -> int:
        """Tell of it once; say how many ways out there are."""
        forwarders = list(self._forwarders)
        for forwarder in forwarders:
            forwarder.tell()
        return len(forwarders)

    def layers(self) -> tuple[Layer, ...]:
        """Say which kinds of egress this machine gives, for the doctor. Tries, and so blocks."""
        return egress_layers.probe()

    def _refusal(self, address: Address, target: Target) -> str:
        local = self._routes.local(address)
        return egress_policy.refusal(address, target, policy=self._policy, local=local)

    async def close(self) -> None:
        """Stop looking names up. Forwarders are closed by who asked for them, before."""
        await self._names.close()
        self._routes.close()


def _nobody(owner: str, size: int) -> None:
    """Nobody adds it up."""


def _connections_max() -> int:
    """Each takes two descriptors, and the rest of the platform needs some too."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(64, min(CONNECTIONS_MAX, soft // 4))
