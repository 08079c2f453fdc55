"""Whether parameters are what the model says: required ones, lengths, ranges, choices. Pure."""

from typing import Any

from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.protocol.models import Shape

COMPLAINTS_MAX = 10
_LENGTHS = frozenset({"string", "list", "map", "blob"})
_NUMBERS = frozenset({"integer", "long", "float", "double"})


def check(shape: Shape, params: Any, *, query: bool) -> None:
    """Refuse what the model does not allow.

    Raises:
        AwsError: with every complaint, up to a number of them.
    """
    complaints: list[str] = []
    _check(shape, params, "", complaints)
    if not complaints:
        return
    said = "error" if len(complaints) == 1 else "errors"
    raise AwsError(
        "ValidationError" if query else "ValidationException",
        f"{len(complaints)} validation {said} detected: {'; '.join(complaints)}",
        400,
    )


def _check(shape: Shape, value: Any, where: str, complaints: list[str]) -> None:
    if len(complaints) >= COMPLAINTS_MAX:
        return
    kind = shape.type_name
    _check_size(shape, value, where, complaints)
    if kind == "structure" and isinstance(value, dict):
        _check_members(shape, value, where, complaints)
    elif kind == "list":
        for number, each in enumerate(value, 1):
            _check(shape.member, each, f"{where}.{number}.member", complaints)
    elif kind == "map":
        for name, each in value.items():
            _check(shape.key, name, f"{where}.key", complaints)
            _check(shape.value, each, f"{where}.{name}.value", complaints)


def _check_members(shape: Shape, value: Any, where: str, complaints: list[str]) -> None:
    for name in shape.required_members:
        if name not in value:
            place = _place(where, name)
            complaints.append(
                f"Value null at '{place}' failed to satisfy constraint: Member must not be null"
            )
    for name, member in shape.members.items():
        if name in value:
            _check(member, value[name], _place(where, name), complaints)


def _check_size(shape: Shape, value: Any, where: str, complaints: list[str]) -> None:
    kind, metadata = shape.type_name, shape.metadata
    choices = metadata.get("enum")
    if choices and kind == "string" and value not in choices:
        _complain(value, where, f"satisfy enum value set: [{', '.join(choices)}]", complaints)
        return
    low, high = metadata.get("min"), metadata.get("max")
    if low is None and high is None:
        return
    if kind in _LENGTHS:
        size, what = len(value), "have length "
    elif kind in _NUMBERS:
        size, what = value, "have value "
    else:
        return
    if low is not None and size < low:
        _complain(value, where, f"{what}greater than or equal to {low}", complaints)
    elif high is not None and size > high:
        _complain(value, where, f"{what}less than or equal to {high}", complaints)


def _complain(value: Any, where: str, must: str, complaints: list[str]) -> None:
    shown = str(value)[:100]
    complaints.append(
        f"Value '{shown}' at '{where}' failed to satisfy constraint: Member must {must}"
    )


def _place(where: str, name: str) -> str:
    """Name a member as AWS does: in lower camel case.

    >>> _place("", "RoleName"), _place("tags.1.member", "Key")
    ('roleName', 'tags.1.member.key')
    """
    small = name[:1].lower() + name[1:]
    return f"{where}.{small}" if where else small
