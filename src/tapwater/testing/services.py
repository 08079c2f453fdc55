"""Stand-ins for all services of an app, for tests: what one stores, another part of it finds.

with fake_services() as services:
    docs.set("users/1", {"name": "Ada"})
    assert call("users/restful/list.py").json() == ["Ada"]
"""

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from tapwater.services.ambient import use
from tapwater.services.transport import Reply, Request, ServiceError

# The first part of a path -> where its fake is: "module:class", below tapwater.testing.fakes.
FAKES: Mapping[str, str] = {
    "docs": "docs:FakeDocs",
    "docs-commit": "docs:FakeDocs",
    "docs-get": "docs:FakeDocs",
    "docs-query": "docs:FakeDocs",
    "blobs": "blobs:FakeBlobs",
    "queues": "queues:FakeQueues",
    "topics": "queues:FakeQueues",
    "schedules": "schedules:FakeSchedules",
    "cache": "cache:FakeCache",
    "users": "users:FakeUsers",
    "auth": "users:FakeUsers",
    "mail": "mail:FakeMail",
    "events": "events:FakeEvents",
    "once": "events:FakeEvents",
    "mqtt": "mqtt:FakeMqtt",
}


class Fake(Protocol):
    """One service of one app, in memory."""

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Where its paths begin: ``/docs``."""
        ...

    def send(self, request: Request) -> Reply:
        """Answer.

        Raises:
            ServiceError: as the real service's client would.
        """
        ...


class FakeServices:
    """A transport whose other end is a fake for each service; each is made when it is needed."""

    def __init__(self, **given: Fake) -> None:
        self._made: dict[str, Fake] = {}
        for fake in given.values():
            self._keep(fake)

    def send(self, request: Request) -> Reply:
        return self.find(request.path.split("/")[1].split("?")[0]).send(request)

    def find(self, name: str) -> Fake:
        """Give the fake behind a service, to look inside: ``services.find("mail").sent``."""
        if name not in self._made:
            place = FAKES.get(name)
            if place is None:
                raise ServiceError(f"there is no service {name!r}", code="not_found", status=404)
            module, _, kind = place.partition(":")
            made: Any = getattr(importlib.import_module(f"tapwater.testing.fakes.{module}"), kind)
            self._keep(made())
        return self._made[name]

    def __getattr__(self, name: str) -> Any:
        """``services.docs`` is ``services.find("docs")``."""
        if name.startswith("_") or name not in FAKES:
            raise AttributeError(name)
        return self.find(name)

    def _keep(self, fake: Fake) -> None:
        for prefix in fake.prefixes:
            self._made[prefix.strip("/")] = fake


@contextmanager
def fake_services(**given: Fake) -> Iterator[FakeServices]:
    """Make fakes answer ``docs``, ``blobs`` and the others for a while.

    ``given`` are fakes you made yourself: ``fake_services(docs=FakeDocs(...))``.
    """
    services = FakeServices(**given)
    with use(services):
        yield services
