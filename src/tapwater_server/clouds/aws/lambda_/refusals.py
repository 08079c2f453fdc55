"""The errors of Lambda, as its clients know them. Pure."""

from collections.abc import Sequence

from tapwater_server.clouds.aws.asked import AwsError

_CAPITAL = frozenset(  # Where the member is "Message"; elsewhere it is "message".
    {
        "CodeSigningConfigNotFoundException",
        "InvalidZipFileException",
        "PublicPolicyException",
        "RecursiveInvocationException",
        "ResourceInUseException",
        "ResourceNotFoundException",
        "ServiceException",
    }
)


def refused(code: str, message: str, status: int = 400, *, reason: str = "") -> AwsError:
    """Make an error; ``reason``: of a throttle."""
    facts = {"Type": "Service" if status >= 500 else "User"}
    if reason:
        facts["Reason"] = reason
    return AwsError(code, message, status, facts=facts)


def invalid(message: str) -> AwsError:
    """A parameter has a value it cannot have."""
    return refused("InvalidParameterValueException", message)


def unreadable(message: str) -> AwsError:
    """The body is not what it must be."""
    return refused("InvalidRequestContentException", message)


def missing(message: str) -> AwsError:
    """There is no such resource."""
    return refused("ResourceNotFoundException", message, 404)


def conflict(message: str) -> AwsError:
    """It is there already, or something else is done to it now."""
    return refused("ResourceConflictException", message, 409)


def stale() -> AwsError:
    """The RevisionId that was named is not the one there is."""
    return refused(
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. Call the "
        "GetFunction/GetAlias API to retrieve the latest Revision Id",
        412,
    )


def violated(problems: Sequence[tuple[object, str, str]]) -> AwsError:
    """Say which members do not satisfy their constraints: value, name, constraint.

    >>> violated([("x y", "handler", "Member must have no spaces")]).code
    'ValidationException'
    """
    count = len(problems)
    head = f"{count} validation error{'s' if count > 1 else ''} detected: "
    said = "; ".join(
        f"Value '{value}' at '{name}' failed to satisfy constraint: {constraint}"
        for value, name, constraint in problems
    )
    return refused("ValidationException", head + said)


def throttled(message: str, reason: str, *, retry_after_s: float = 1.0) -> AwsError:
    """Too many calls run now."""
    return AwsError(
        "TooManyRequestsException",
        message,
        429,
        headers=(("Retry-After", str(max(1, round(retry_after_s)))),),
        facts={"Type": "User", "Reason": reason},
    )


def not_here(what: str) -> AwsError:
    """We do not have that part of Lambda."""
    return invalid(f"{what} This platform does not offer it.")


def message_member(code: str) -> str:
    """Name the member that carries an error's sentence."""
    return "Message" if code in _CAPITAL else "message"
