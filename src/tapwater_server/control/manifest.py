"""What the guest said of a module, checked: a manifest comes from user code, whatever it says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tapwater_server.control import delivering, options, triggers
from tapwater_server.control.layout import Found, Problem
from tapwater_server.model.function import Function, Kind, Route, Style, Trigger
from tapwater_server.model.ids import AppId, FunctionId

MANIFEST_BYTES_MAX = 1 << 20
DEPTH_MAX = 100  # What can just be written must also be read again, from wherever.
TEXT_CHARS_MAX = 4096
WARNINGS_MAX = 20
VERBS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _Trigger(msgspec.Struct):
    source: str
    arguments: dict[str, Any] = {}


class _Parameter(msgspec.Struct, rename={"where": "in"}):
    name: str
    where: str


class _Operation(msgspec.Struct):
    """Of an OpenAPI operation what the platform itself looks into."""

    parameters: list[_Parameter] = []
    responses: dict[str, Any] = {}


class _Said(msgspec.Struct):
    """The shape a manifest must have; what it has besides is for later versions."""

    wire: int
    kind: str
    style: str
    verbs: list[str] = []
    websocket: bool = False
    mount: bool = False
    body: bool = True
    options: dict[str, Any] = {}
    triggers: list[_Trigger] = []
    operations: dict[str, dict[str, Any]] = {}
    schemas: dict[str, Any] = {}
    description: str = ""
    threads: list[str] = []
    connections: int = 0
    after_fork_import: bool = False  # the preparer's own finding
    warnings: list[str] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A function as its manifest, its file's place and the app's settings say together."""

    function: Function | None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()
    schemas: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    late: bool = False  # the module must be imported after the fork: found out, not asked for
    size: int = 0  # of the manifest, in bytes of JSON


def read_manifest(
    raw: Mapping[str, Any], *, app: AppId, found: Found, sources: Sequence[Mapping[str, Any]]
) -> Read:
    """Check a manifest and make the function of it; ``sources`` are the options of the app's
    file, the weakest first, checked already.
    """
    try:
        size = len(msgspec.json.encode(raw))
        if size > MANIFEST_BYTES_MAX:
            return _refused(found, f"its manifest has more than {MANIFEST_BYTES_MAX >> 20} MiB")
        if _is_deeper(raw, DEPTH_MAX):
            return _refused(found, f"its manifest is more than {DEPTH_MAX} levels deep")
        said = msgspec.convert(raw, _Said)
        msgspec.convert(said.operations, dict[str, _Operation])
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
        return _refused(found, f"its manifest cannot be understood: {error}")
    problems = _problems(said, found)
    problems += options.complain(found.file, said.options)
    if problems:
        return Read(function=None, problems=tuple(problems))
    chosen = options.choose([*sources, said.options])
    kind = Kind(said.kind)
    if kind is Kind.RESTFUL and chosen.pace is not None and chosen.pace.of_key:
        return _refused(found, "rate: requests have no key: write it without 'per key'")
    function = Function(
        id=FunctionId(app, found.name),
        kind=kind,
        style=Style(said.style),
        file=found.file,
        group=found.group,
        route=_route(said, found) if kind is Kind.RESTFUL else None,
        triggers=_triggers(said, chosen),
        delivery=delivering.choose(chosen.delivery),
        limits=chosen.limits,
        auth=chosen.auth,
        egress=chosen.egress,
        environment=chosen.environment,
        secrets=chosen.secrets,
        after_fork_import=chosen.after_fork_import or said.after_fork_import,
        idempotent=chosen.idempotent and kind is Kind.RESTFUL,
        cost_header=chosen.cost_header and kind is Kind.RESTFUL,
        body=said.body,
        record=chosen.record.at_all,
        record_share=chosen.record.share,
        operations=said.operations,
        description=(chosen.description or said.description)[:TEXT_CHARS_MAX],
    )
    warnings = tuple(text[:TEXT_CHARS_MAX] for text in said.warnings[:WARNINGS_MAX])
    return Read(
        function=function,
        warnings=warnings,
        schemas=said.schemas,
        extra=chosen.extra,
        late=said.after_fork_import,
        size=size,
    )


def _problems(said: _Said, found: Found) -> list[Problem]:
    """Compare what the module is with where it lies."""
    wrong = []
    # A function of another cloud is made by its room, never by what a module says.
    if said.kind not in set(Kind) or said.style not in set(Style) - {Style.FOREIGN}:
        wrong.append(f"is of a kind that is not known: {said.kind[:40]}/{said.style[:40]}")
    elif found.kind is Kind.RESTFUL and said.kind != Kind.RESTFUL:
        wrong.append("lies in restful/ but reacts to events: move it to reactive/")
    elif found.kind is Kind.REACTIVE and said.kind != Kind.REACTIVE:
        wrong.append("lies in reactive/ but has no @on... decorator: add one, or move it")
    elif said.kind == Kind.REACTIVE and not said.triggers:
        wrong.append("reacts to events but names none: decorate its function with @on...")
    if said.wire != 1:
        wrong.append(f"speaks version {said.wire} of the wire; this platform speaks 1")
    unknown = [verb[:20] for verb in said.verbs if verb not in VERBS]
    if unknown:
        wrong.append(f"has handlers for unknown verbs: {', '.join(unknown[:5])}")
    wrong += _wrong_triggers(said)
    return [{"where": found.file, "what": what} for what in wrong]


def _wrong_triggers(said: _Said) -> list[str]:
    wrong = []
    if len(said.triggers) > triggers.TRIGGERS_MAX:
        wrong.append(f"has more than {triggers.TRIGGERS_MAX} triggers")
    for one in said.triggers[: triggers.TRIGGERS_MAX]:
        wrong += triggers.complain(one.source, one.arguments)
    if said.triggers and said.options.get("schedule") is not None:
        wrong.append("has a schedule in its options and a trigger: write @on.schedule besides")
    return wrong


def _route(said: _Said, found: Found) -> Route:
    return Route(
        path=found.path or "/",
        verbs=frozenset(said.verbs),
        mount=said.mount,
        websocket=said.websocket,
    )


def _triggers(said: _Said, chosen: options.Chosen) -> tuple[Trigger, ...]:
    """Say what the function listens to; ``schedule=`` in options makes any function one."""
    listed = said.triggers or [
        _Trigger(source="schedule", arguments={"cron": cron})
        for cron in (chosen.extra.get("schedule"),)
        if cron is not None
    ]
    return tuple(
        triggers.make(one.source, one.arguments, chosen.delivery, pace=chosen.pace)
        for one in listed
    )


def _refused(found: Found, what: str) -> Read:
    return Read(function=None, problems=({"where": found.file, "what": what},))


def _is_deeper(raw: Any, levels: int) -> bool:
    """Say whether values lie within values more than ``levels`` deep."""
    row = [raw]
    for _ in range(levels + 1):
        row = [
            inner
            for value in row
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
    return bool(row)
