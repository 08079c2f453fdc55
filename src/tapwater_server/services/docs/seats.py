"""How many may listen to documents: in all, to one app, and from one address.

Without the shares one client with a few hundred sockets could shut out every other app. Who acts
for the app itself (a function, a token of the platform) has no share of an address: its server may
listen for many.
"""

from collections import Counter

from tapwater_server.model.errors import Overloaded
from tapwater_server.model.ids import AppId

LISTENERS_MAX = 50_000  # Of the node.
APP_LISTENERS_MAX = 10_000
CLIENT_LISTENERS_MAX = 1_000  # Ten full sockets; of one address, to all apps together.
AGAIN_S = 5.0


class Seats:
    """Counts who listens."""

    def __init__(self) -> None:
        self.taken = 0
        self._of_app = Counter[str]()
        self._of_client = Counter[str]()

    def take(self, app: AppId, client: str) -> None:
        """Take one; ``client`` is empty for who acts for the app itself.

        Raises:
            Overloaded: there is none left: of the node, of the app, or of the address.
        """
        if client and self._of_client[client] >= CLIENT_LISTENERS_MAX:
            raise _full(f"{CLIENT_LISTENERS_MAX} subscriptions from one address")
        if self._of_app[app] >= APP_LISTENERS_MAX:
            raise _full(f"{APP_LISTENERS_MAX} subscriptions to documents of one app")
        if self.taken >= LISTENERS_MAX:
            raise _full(f"{LISTENERS_MAX} subscriptions to documents on this node")
        self.taken += 1
        self._of_app[app] += 1
        if client:
            self._of_client[client] += 1

    def give_back(self, app: AppId, client: str) -> None:
        """Leave one."""
        self.taken -= 1
        _less(self._of_app, app)
        if client:
            _less(self._of_client, client)


def _full(what: str) -> Overloaded:
    return Overloaded(f"there are {what} already, the most there may be", retry_after_s=AGAIN_S)


def _less(counter: Counter[str], name: str) -> None:
    """Count one less, and forget who has none: names come and go."""
    counter[name] -= 1
    if not counter[name]:
        del counter[name]
