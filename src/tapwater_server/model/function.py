"""What was deployed: functions, their limits and routes, frozen into revisions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tapwater_server.model.delivering import DeliveryOptions
from tapwater_server.model.ids import AppId, FunctionId, RevisionId


class Kind(StrEnum):
    """What makes a function run."""

    RESTFUL = "restful"
    REACTIVE = "reactive"


class Style(StrEnum):
    """How the file wants to be called."""

    VERBS = "verbs"  # get(), post(), ... or handler()
    ASGI = "asgi"  # a whole ASGI app, mounted at the function's path
    WSGI = "wsgi"  # a whole WSGI app, mounted at the function's path
    EVENT = "event"  # a reactive function
    FOREIGN = "foreign"  # written for another cloud: ``Function.foreign`` says how to run it


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionLimits:
    """The ceilings of one function, all resolved (defaults filled in)."""

    memory_bytes: int = 256 * 2**20
    timeout_s: float | None = 30.0  # None: no limit
    concurrency: int = 1  # calls at a time in one instance
    instances_min: int = 0
    instances_max: int = 20
    cpu_share: float = 1.0  # cores
    pids_max: int = 64
    tmp_bytes: int = 512 * 2**20
    waiting_max: int = 256  # calls that may wait for a seat
    waiting_s_max: float = 30.0
    freeze: bool = False  # stop the process between calls, as Lambda does
    body_bytes_max: int = 64 * 2**20
    rate_per_s: float | None = None

    def __post_init__(self) -> None:
        assert 0 <= self.instances_min <= self.instances_max
        assert self.concurrency >= 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """What a reactive function listens to: ``source`` as in ``on.<source>``, its arguments, and
    how it is told.
    """

    source: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    delivery: DeliveryOptions = field(default_factory=DeliveryOptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where a restful function answers: a path pattern below the app, and the verbs it has.

    ``path`` uses ``{name}`` for one segment; ``mount`` says that everything below belongs to the
    function too (ASGI and WSGI apps). ``verbs`` empty: all of them.
    """

    path: str
    verbs: frozenset[str] = frozenset()
    mount: bool = False
    websocket: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One file of one revision, as its manifest described it."""

    id: FunctionId
    kind: Kind
    style: Style
    file: str  # path inside the bundle, "users/restful/register.py"
    group: str  # "" where the app has no groups
    route: Route | None = None
    triggers: tuple[Trigger, ...] = ()
    delivery: DeliveryOptions = field(default_factory=DeliveryOptions)  # of background calls
    limits: FunctionLimits = field(default_factory=FunctionLimits)
    auth: str | None = None  # None: anyone
    egress: tuple[str, ...] = ()  # "host:port", or the single word "all"
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()  # names of the app's secrets it may read; ("*",): all
    after_fork_import: bool = False  # the module starts threads: fork before importing it
    idempotent: bool = False  # a request that comes again with its key is not run again
    cost_header: bool = False  # its answers say what they cost
    body: bool = True  # False: no handler reads a body
    record: bool = True  # False: no call is recorded, not even one that failed
    record_share: float | None = None  # of calls that end well; None: as the node has it
    operations: Mapping[str, Any] = field(default_factory=dict)  # OpenAPI operations by verb
    description: str = ""
    foreign: Mapping[str, Any] = field(default_factory=dict)  # told to the guest: cloud, handler…

    @property
    def trigger(self) -> Trigger | None:
        """What it listens to first; most functions have one trigger, or none."""
        return self.triggers[0] if self.triggers else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One frozen deployment of an app: code, dependencies, settings, functions. Never changed."""

    id: RevisionId
    app: AppId
    number: int  # 1, 2, 3 ... per app, for people
    created_at: float  # seconds since the epoch
    bundle: str  # sha256 of the code
    layer: str  # sha256 of the dependencies' lock; "" for none
    python: str  # path of the interpreter, or its version
    functions: tuple[Function, ...]
    hosts: tuple[str, ...] = ()
    note: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)  # app-wide: cors, public, ...

    def function(self, name: str) -> Function | None:
        """Find a function by its name, ``group/name``."""
        return next((one for one in self.functions if one.id.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """A movable name for revisions, with weights that sum to 100."""

    app: AppId
    name: str
    weights: Mapping[RevisionId, int]

    def __post_init__(self) -> None:
        assert sum(self.weights.values()) == 100

    def choose(self, chance: float) -> RevisionId:
        """Draw a revision by the weights; ``chance`` is at least 0 and less than 1.

        >>> Alias(app=AppId("a"), name="live", weights={RevisionId("r"): 100}).choose(0.999)
        'r'
        """
        left = chance * 100
        for revision, weight in self.weights.items():
            left -= weight
            if left < 0:
                return revision
        raise AssertionError("the weights sum to 100 and the chance is less than 1")
