"""A handler's arguments out of a call: compiled once when the module is loaded."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from tapwater.event import read_event, read_events
from tapwater.problem import Problem, invalid, rejected
from tapwater.runtime.context import AsyncContext, Context, Identity, read_delivery
from tapwater.runtime.conversation import Conversation
from tapwater.runtime.material import Material
from tapwater.runtime.parameters import Parameter, Source, read_parameters
from tapwater.runtime.streams import pieces, pieces_async
from tapwater.runtime.wrong import Wrong
from tapwater.websocket import WebSocket

_MISSING: Any = object()
_WHOLE = (Source.BODY, Source.RAW, Source.REQUEST, Source.EVENT, Source.EVENTS)

_Take = Callable[[Material], Any]


class _Slot(NamedTuple):
    name: str
    place: str  # "query.limit", as the caller is told
    take: _Take  # the raw value, or _MISSING
    convert: Callable[[Any], Any]
    default: Any
    required: bool
    positional: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """How to call one handler."""

    parameters: tuple[Parameter, ...]
    slots: tuple[_Slot, ...]

    @property
    def trivial(self) -> bool:
        """Whether there is nothing to bind."""
        return not self.slots

    @property
    def wants_form(self) -> bool:
        return any(parameter.source is Source.FORM for parameter in self.parameters)

    @property
    def wants_stream(self) -> bool:
        return any(parameter.source is Source.STREAM for parameter in self.parameters)

    @property
    def wants_body(self) -> bool:
        """Whether the whole body has to be here before the handler is called."""
        return any(parameter.source in _WHOLE for parameter in self.parameters)

    def bind(self, material: Material) -> tuple[list[Any], dict[str, Any]]:
        """The arguments for one call.

        Raises:
            Problem: 422 naming every field that is not as it should be; 401 without a user.
        """
        positional: list[Any] = []
        named: dict[str, Any] = {}
        try:
            for slot in self.slots:
                if slot.positional:
                    positional.append(_value(slot, material))
                else:
                    named[slot.name] = _value(slot, material)
        except (Wrong, Problem) as error:
            raise self._explain(material) from error
        except RecursionError:
            raise invalid("body", "is nested too deeply") from None
        return positional, named

    def _explain(self, material: Material) -> Problem:
        """Go through all of them again, and tell everything at once."""
        problems: list[dict[str, str]] = []
        for slot in self.slots:
            try:
                _value(slot, material)
            except Wrong as wrong:
                problems += [
                    {"where": slot.place + at, "what": what} for at, what in wrong.problems
                ]
            except Problem as problem:
                if not problem.problems:
                    return problem
                problems += [dict(one) for one in problem.problems]
        return rejected(_each_once(problems))


def _value(slot: _Slot, material: Material) -> Any:
    raw = slot.take(material)
    if raw is not _MISSING:
        return slot.convert(raw)
    if slot.required:
        raise Wrong("is missing")
    return slot.default


def _each_once(problems: list[dict[str, str]]) -> list[dict[str, str]]:
    return [one for at, one in enumerate(problems) if one not in problems[:at]]


def compile_plan(
    function: Callable[..., Any],
    *,
    path_names: frozenset[str] = frozenset(),
    identity: Identity,
    is_async: bool,
    reactive: bool = False,
    batch: bool = False,
) -> Plan:
    """Compile how ``function`` is called.

    Raises:
        TypeError: a parameter can be bound to nothing; the message names it.
    """
    parameters = read_parameters(function, path_names=path_names, reactive=reactive, batch=batch)
    slots = tuple(_slot(parameter, identity, is_async) for parameter in parameters)
    return Plan(parameters, slots)


def _slot(parameter: Parameter, identity: Identity, is_async: bool) -> _Slot:
    place = parameter.source.value
    if parameter.key:
        place += f".{parameter.key}"
    return _Slot(
        parameter.name,
        place,
        _taker(parameter, identity, is_async),
        parameter.convert,
        parameter.default,
        parameter.required,
        parameter.positional,
    )


def _taker(parameter: Parameter, identity: Identity, is_async: bool) -> _Take:
    key, many = parameter.key, parameter.many
    takers: dict[Source, _Take] = {
        Source.PATH: lambda material: material.params.get(key, _MISSING),
        Source.QUERY: lambda material: _picked(material.query.get(key), many),
        Source.HEADER: lambda material: _picked(material.headers.get(key), many),
        Source.COOKIE: lambda material: material.cookies.get(key, _MISSING),
        Source.FORM: lambda material: _picked(material.form.get(key), many),
        Source.BODY: _body_taker(parameter),
        Source.RAW: lambda material: material.body,
        Source.REQUEST: Material.request,
        Source.USER: lambda material: _user(material, required=parameter.required),
        Source.CONTEXT: lambda material: (AsyncContext if is_async else Context)(
            material.call, identity
        ),
        Source.STREAM: lambda material: (pieces_async if is_async else pieces)(material.call),
        Source.EVENT: lambda material: _told(material, read_event),
        Source.EVENTS: lambda material: _told(material, read_events),
        Source.WEBSOCKET: lambda material: WebSocket(
            Conversation(material.call), material.request()
        ),
        Source.PARAM: lambda material: _event_param(material, key),
    }
    return takers[parameter.source]


def _picked(values: list[Any] | None, many: bool) -> Any:
    if not values:
        return _MISSING
    return values if many else values[-1]


def _body_taker(parameter: Parameter) -> _Take:
    if parameter.whole_bytes:
        return _checked_body if parameter.required else _optional_body
    if not parameter.key:
        return _whole_json
    return lambda material: _member(material, parameter.key)


def _checked_body(material: Material) -> bytes:
    material.check_json()
    return material.body


def _optional_body(material: Material) -> Any:
    return _checked_body(material) if material.body else _MISSING


def _whole_json(material: Material) -> Any:
    return material.json if material.body else _MISSING


def _member(material: Material, key: str) -> Any:
    value = material.json
    if not isinstance(value, dict):
        raise Wrong("must be an object")
    return value.get(key, _MISSING)


def _event_param(material: Material, key: str) -> Any:
    value = material.json if material.body else None
    params = value.get("params") if isinstance(value, dict) else None
    if not isinstance(params, dict) or key not in params:
        return _MISSING
    return str(params[key])


def _told(material: Material, read: Callable[..., Any]) -> Any:
    """The event or events of a delivery, which its headers name."""
    delivery, attempt = read_delivery(material.call)
    value = material.json if material.body else None
    return read(value, delivery=delivery, attempt=attempt)


def _user(material: Material, *, required: bool) -> Any:
    user = material.user
    if user is None and required:
        raise Problem(401, "Sign in first.", code="unauthenticated")
    return user
