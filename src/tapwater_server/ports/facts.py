"""Small facts by key, as JSON: what the interfaces of other clouds keep beside our services.

A fact lies in a ``space`` (an account of a cloud) and has a ``kind`` ("lambda/function") and a
``key``.

FCT-1  change() does all its steps or none, and is durable before it returns.
FCT-2  A step that names a version is refused with the whole change if the fact is another by then;
       version 0 says that there is none yet. Versions of one fact grow by one from 1.
FCT-3  get() and list() answer from memory, as of the last change that has returned; list() by
       rising key.
FCT-4  erase() forgets a space and no other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tapwater_server.model.errors import Conflict, TooLarge

FACT_BYTES_MAX = 1 << 20  # Of one, as JSON.
STEPS_MAX = 1_000  # Of one change.


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that is known. ``value`` must not be changed by who reads it."""

    key: str
    value: Mapping[str, Any]
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """Keep a value; with ``version``, only if the fact still has that one."""

    kind: str
    key: str
    value: Mapping[str, Any] = field(default_factory=dict)
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Forget a fact; with ``version``, only if it still has that one."""

    kind: str
    key: str
    version: int | None = None


Step = Put | Drop


class Facts(Protocol):
    """See the promises above."""

    def get(self, space: str, kind: str, key: str) -> Fact | None: ...

    def list(self, space: str, kind: str, *, prefix: str = "") -> Sequence[Fact]: ...

    def spaces(self) -> Sequence[str]:
        """Name the spaces that hold anything."""
        ...

    async def change(self, space: str, steps: Sequence[Step]) -> None:
        """Do all of the steps.

        Raises:
            Conflict: a fact is not of the version that a step names.
            TooLarge: a value has more than ``FACT_BYTES_MAX`` bytes.
        """
        ...

    async def erase(self, space: str) -> None: ...


class HeldFacts:
    """All facts in memory: what every keeper of them answers from."""

    def __init__(self) -> None:
        self._spaces: dict[str, dict[str, dict[str, Fact]]] = {}

    def get(self, space: str, kind: str, key: str) -> Fact | None:
        return self._spaces.get(space, {}).get(kind, {}).get(key)

    def list(self, space: str, kind: str, *, prefix: str = "") -> Sequence[Fact]:
        found = self._spaces.get(space, {}).get(kind, {})
        return [found[key] for key in sorted(found) if key.startswith(prefix)]

    def spaces(self) -> Sequence[str]:
        return [
            space for space, kinds in sorted(self._spaces.items()) if any(map(len, kinds.values()))
        ]

    def put(self, space: str, kind: str, fact: Fact) -> None:
        """Hold a fact."""
        self._spaces.setdefault(space, {}).setdefault(kind, {})[fact.key] = fact

    def drop(self, space: str, kind: str, key: str) -> None:
        """Hold it no more."""
        self._spaces.get(space, {}).get(kind, {}).pop(key, None)

    def erase(self, space: str) -> None:
        """Hold nothing of a space."""
        self._spaces.pop(space, None)


def check_version(step: Step, held: int) -> None:
    """Refuse a step that means another version than the one there is (0: there is none).

    Raises:
        Conflict: it does.
    """
    if step.version is not None and step.version != held:
        raise Conflict(f"{step.kind} {step.key!r} has been changed meanwhile")


def check_size(key: str, value: bytes) -> None:
    """Refuse what is too large to be a fact.

    Raises:
        TooLarge: it is.
    """
    if len(value) > FACT_BYTES_MAX:
        raise TooLarge(f"{key!r} has more than {FACT_BYTES_MAX} bytes as JSON")
