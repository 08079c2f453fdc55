"""What every service is built on, and what each adds to the node."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tapwater_server.assembly.footing import Footing
from tapwater_server.assembly.furnishing import Furnished
from tapwater_server.model.ids import AppId
from tapwater_server.ports.identity import Identities
from tapwater_server.ports.invoker import Invoker
from tapwater_server.ports.listening import Listening
from tapwater_server.ports.profiling import Profiling
from tapwater_server.ports.releases import Releases
from tapwater_server.ports.rules import Rules
from tapwater_server.ports.timetables import Timetables
from tapwater_server.services.budgets.spending import Spending
from tapwater_server.services.replay.asking import TapedBindings
from tapwater_server.services.replay.recorder import Recorder
from tapwater_server.web.cloud import Cloud
from tapwater_server.web.endpoint import Endpoint, Socket


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground(Footing):
    """What is there before any service is."""

    spending: Spending  # accounts of budgets, which calls and services are checked against
    invoker: Invoker
    recorder: Recorder  # in the request line: takes what is to be recorded
    bindings: TapedBindings  # what running calls ask
    profiling: Profiling  # where their time goes
    identities: Identities
    rules: Rules
    listening: Listening  # of the event line: rooms of other clouds add their listeners
    timetables: Timetables  # likewise for what is due at their times
    furnished: Furnished  # takes the credentials of functions of other clouds
    releases: Callable[[], Releases]  # once the node is complete
    top: Callable[[], Mapping[str, Any]]  # what goes on now, once the node is complete


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one service adds: its API, what must run while the node serves, what it keeps of an
    app (``erase``), what it clears away now and then (``sweep``).
    """

    name: str
    endpoints: Sequence[Endpoint] = ()
    sockets: Sequence[Socket] = ()
    node: Sequence[Endpoint] = ()  # below /_/api/v1, of the node and all apps: see web/node.py
    loops: Sequence[Coroutine[Any, Any, None]] = ()
    erase: Callable[[AppId], Awaitable[None]] | None = None
    sweep: Callable[[], Awaitable[None]] | None = None
    cloud: Cloud | None = None  # another cloud's interface, on the bare host
    service: Any = field(default=None)  # for parts that need another (mail for users)
