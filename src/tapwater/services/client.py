"""A platform seen from outside: the same services, over HTTP."""

from typing import TYPE_CHECKING, Any

from tapwater.services.http_transport import TIMEOUT_S, HttpTransport
from tapwater.services.names import NAMES, make

if TYPE_CHECKING:
    from tapwater.services.blobs import Blobs
    from tapwater.services.cache import Cache
    from tapwater.services.docs import Docs
    from tapwater.services.events import Events
    from tapwater.services.mail import Mail
    from tapwater.services.mqtt import Mqtt
    from tapwater.services.queues import Queues
    from tapwater.services.schedules import Schedules
    from tapwater.services.topics import Topics
    from tapwater.services.users import Users


class Client:
    """``Client(url="http://localhost:8080", token="tap_…", app="shop").docs.get("users/1")``.

    Without ``app`` the URL is one of the app's own hosts, or the default app is meant.
    Safe to use from several threads; each has a connection of its own.
    """

    if TYPE_CHECKING:
        blobs: Blobs
        cache: Cache
        docs: Docs
        events: Events
        mail: Mail
        mqtt: Mqtt
        queues: Queues
        schedules: Schedules
        topics: Topics
        users: Users

    def __init__(
        self, url: str, *, token: str = "", app: str = "", timeout_s: float = TIMEOUT_S
    ) -> None:
        self.transport = HttpTransport(url, token=token, app=app, timeout_s=timeout_s)

    def __getattr__(self, name: str) -> Any:
        if name not in NAMES:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        service = make(name, self.transport)
        setattr(self, name, service)  # Found without us the next time.
        return service

    def close(self) -> None:
        """Close this thread's connection; another question opens it again."""
        self.transport.close()

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *NAMES]
