"""Which function a name means: looked up once, and again when a fact it stands on has changed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.lambda_ import records
from tapwater_server.clouds.aws.lambda_.making import HANDLER, MARK
from tapwater_server.clouds.aws.lambda_.names import (
    LATEST,
    function_arn,
    no_function,
    read_qualified,
)
from tapwater_server.clouds.aws.lambda_.refusals import conflict
from tapwater_server.clouds.aws.lambda_.store import Store
from tapwater_server.clouds.aws.lambda_.weighing import choose_version
from tapwater_server.model.function import Function, Revision
from tapwater_server.model.ids import AppId, RevisionId
from tapwater_server.ports.facts import Fact
from tapwater_server.ports.registry import Registry, live_revision

REMEMBERED_MAX = 4_096  # Names; more than that is somebody trying names.


@dataclass(frozen=True, slots=True, kw_only=True)
class Callee:
    """A function that can be called, as one of its versions."""

    arn: str  # with the qualifier it was named by, if any
    name: str
    app: AppId
    version: str  # "$LATEST", "3"
    revision: Revision
    function: Function
    reserved: int | None = None  # calls at a time
    dead_letters: str = ""  # ARN, of its DeadLetterConfig
    recursion: str = "Terminate"
    arn_header: bytes = b""
    version_header: bytes = b""

    @property
    def seats(self) -> int:
        """Calls at a time; 0: it is throttled wholly."""
        limits = self.function.limits
        return limits.instances_max if self.reserved is None else self.reserved


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What a name means, and the facts that say so."""

    space: str
    facts: tuple[Fact, ...]
    kinds: tuple[str, ...]
    callees: Mapping[str, Callee] = field(default_factory=dict)  # by version
    only: Callee | None = None  # where there is one
    alias: records.Alias | None = None


class Resolving:
    """Answers from memory. A fact is another object once it has changed: that is how one tells."""

    def __init__(self, *, store: Store, registry: Registry, chance: Callable[[], float]) -> None:
        self._store, self._registry, self._chance = store, registry, chance
        self._get = store.facts.get
        self._known: dict[tuple[str, str, str, str], _Known] = {}

    def find(self, account: Account, name: str, qualifier: str = "", *, by: str = "") -> Callee:
        """Find what a name, ``name:qualifier`` or ARN means; of an alias with weights, ``by``
        draws the version ("": chance).

        Raises:
            AwsError: there is no such function, or it is not there yet.
        """
        key = (account.space, account.region, name, qualifier)
        known = self._known.get(key)
        if known is None or not self._holds(known):
            known = self._look(account, name, qualifier)
            if len(self._known) >= REMEMBERED_MAX:
                self._known.clear()
            self._known[key] = known
        if known.only is not None:
            return known.only
        assert known.alias is not None
        drawn = crc32(by.encode()) / (1 << 32) if by else self._chance()
        return known.callees[choose_version(known.alias, drawn)]

    def owner(self, app: str) -> Function | None:
        """Give what is live of the app of a function; None: it is no app of Lambda's."""
        revision = live_revision(self._registry, AppId(app))
        if revision is None or MARK not in revision.settings:
            return None
        return revision.function(HANDLER)

    def _holds(self, known: _Known) -> bool:
        for kind, fact in zip(known.kinds, known.facts, strict=True):
            if self._get(known.space, kind, fact.key) is not fact:
                return False
        return True

    def _look(self, account: Account, name: str, qualifier: str) -> _Known:
        reference = read_qualified(name, qualifier)
        function = self._store.function(account, reference)
        check_state(function)
        qualifier = reference.qualifier
        facts = [self._fact(account, records.FUNCTION, function.name)]
        kinds = [records.FUNCTION]
        alias = self._store.alias(account, function.name, qualifier) if qualifier else None
        numbers = [qualifier or LATEST]
        if alias is not None:
            kinds.append(records.ALIAS)
            facts.append(
                self._fact(account, records.ALIAS, records.key_of(function.name, alias.name))
            )
            numbers = list(dict.fromkeys([alias.version, *alias.weights]))
        callees = {}
        for number in numbers:
            if number != LATEST:
                key = records.key_of(function.name, number)
                if self._get(account.space, records.VERSION, key) is None:
                    raise no_function(account, function.name, qualifier)
                kinds.append(records.VERSION)
                facts.append(self._fact(account, records.VERSION, key))
            callees[number] = self._callee(account, function, number, qualifier)
        return _Known(
            space=account.space,
            facts=tuple(facts),
            kinds=tuple(kinds),
            callees=callees,
            only=callees[numbers[0]] if len(callees) == 1 else None,
            alias=alias,
        )

    def _fact(self, account: Account, kind: str, key: str) -> Fact:
        fact = self._get(account.space, kind, key)
        assert fact is not None
        return fact

    def _callee(
        self, account: Account, function: records.Function, number: str, qualifier: str
    ) -> Callee:
        version = self._store.version(account, function, number)
        app = AppId(function.app)
        id = RevisionId(version.revision if version is not None else "")
        revision = self._registry.revision(app, id)
        made = revision.function(HANDLER) if revision is not None else None
        if version is None or revision is None or made is None:
            raise no_function(account, function.name, qualifier)
        arn = function_arn(account, function.name, qualifier)
        return Callee(
            arn=arn,
            name=function.name,
            app=app,
            version=number,
            revision=revision,
            function=made,
            reserved=function.reserved,
            dead_letters=_dead_letters(version.config),
            recursion=function.recursion,
            arn_header=arn.encode(),
            version_header=number.encode(),
        )


def check_state(function: records.Function) -> None:
    """See that a function can be called.

    Raises:
        AwsError: it is being made, or could not be.
    """
    if function.state in (records.PENDING, records.FAILED):
        raise conflict(
            "The operation cannot be performed at this time. The function is currently in the "
            f"following state: {function.state}"
        )


def _dead_letters(config: Mapping[str, Any]) -> str:
    return str((config.get("DeadLetterConfig") or {}).get("TargetArn") or "")
