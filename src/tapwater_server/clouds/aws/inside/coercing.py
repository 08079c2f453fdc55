"""Values of a template as an operation's parameters: "30" is a number where one is wanted. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from tapwater_server.clouds.aws.asked import AwsError

Shape = Any  # botocore.model.Shape: botocore has no types


def coerced(shape: Shape | None, value: Any, where: str) -> Any:
    """Give a value the types that a shape has, all the way down.

    Raises:
        AwsError: ValidationError: it has members that the shape does not know, or other types.
    """
    if shape is None:
        return value
    return _KINDS.get(shape.type_name, _as_is)(shape, value, where)


def _as_is(shape: Shape, value: Any, where: str) -> Any:
    return value


def _structure(shape: Shape, value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise _wrong(where, "must be an object")
    if shape.metadata.get("document"):
        return value
    found = {}
    for name, part in value.items():
        member = shape.members.get(name)
        if member is None:
            raise _wrong(where, f"extraneous key [{name}] is not permitted")
        if part is not None:
            found[name] = coerced(member, part, f"{where}/{name}")
    return found


def _list(shape: Shape, value: Any, where: str) -> Any:
    items = value if isinstance(value, list | tuple) else [value]
    return [coerced(shape.member, one, f"{where}/{at}") for at, one in enumerate(items)]


def _map(shape: Shape, value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise _wrong(where, "must be an object")
    return {
        str(name): coerced(shape.value, part, f"{where}/{name}") for name, part in value.items()
    }


def _string(shape: Shape, value: Any, where: str) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping | list):
        raise _wrong(where, "expected type: String")
    return value if isinstance(value, str) else str(value)


def _number(convert: Callable[[Any], Any]) -> Callable[[Shape, Any, str], Any]:
    def number(shape: Shape, value: Any, where: str) -> Any:
        try:
            return convert(value)
        except (TypeError, ValueError) as error:
            raise _wrong(where, "expected type: Number") from error

    return number


def _boolean(shape: Shape, value: Any, where: str) -> Any:
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    raise _wrong(where, "expected type: Boolean")


def _wrong(where: str, why: str) -> AwsError:
    return AwsError("ValidationError", f"Properties validation failed at {where}: {why}")


_KINDS: Mapping[str, Callable[[Shape, Any, str], Any]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "character": _string,
    "integer": _number(int),
    "long": _number(int),
    "float": _number(float),
    "double": _number(float),
    "boolean": _boolean,
}
