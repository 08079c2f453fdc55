"""What the control plane's handlers work with: the ports, and the parts made of them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tapwater_server.control.apply import Deploying
from tapwater_server.control.holding import Holding
from tapwater_server.control.leaving import Leaving
from tapwater_server.control.turns import Turns
from tapwater_server.ports.bus import Bus
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.folders import Folders
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.invoker import Invoker
from tapwater_server.ports.preparer import Preparer
from tapwater_server.ports.registry import Registry
from tapwater_server.ports.secrets import Secrets
from tapwater_server.ports.tokens import Tokens

Facts = Callable[[], Mapping[str, Any]]
Examined = Callable[[], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlSettings:
    """What the control plane is told, once, by assembly."""

    cache: Path  # uv's, below the data directory
    scratch: Path  # where bundles wait while they are read, below the data directory
    uv: str  # the executable
    home: Path  # where pyenv and uv keep interpreters
    environment: Mapping[str, str] = field(default_factory=dict)  # for building dependencies
    domain: str = "localhost"  # apps answer at <app>.<domain>
    dashboard_hosts: tuple[str, ...] = ()  # on which no app answers
    default_python: str = ""
    preparing_max: int = 2  # modules imported at a time during a deploy: the cores there are
    revisions_max: int = 50  # per app; the oldest that nothing points at go


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Everything a handler may need."""

    registry: Registry
    folders: Folders
    secrets: Secrets
    tokens: Tokens
    preparer: Preparer
    invoker: Invoker
    bus: Bus
    clock: Clock
    ids: IdSource
    doctor: Examined
    top: Facts
    deploying: Deploying
    holding: Holding
    leaving: Leaving
    turns: Turns
    settings: ControlSettings
