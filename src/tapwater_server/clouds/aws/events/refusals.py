"""Errors of EventBridge. Pure."""

from tapwater_server.clouds.aws.asked import AwsError


def refused(code: str, message: str) -> AwsError:
    """Make an error; all of them are 400."""
    return AwsError(code, message, 400)


def invalid(message: str) -> AwsError:
    """Say what cannot be."""
    return refused("ValidationException", message)


def bad_pattern(reason: str) -> AwsError:
    """Say why this is no event pattern."""
    return refused("InvalidEventPatternException", f"Event pattern is not valid. Reason: {reason}")
