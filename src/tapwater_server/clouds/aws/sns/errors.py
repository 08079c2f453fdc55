"""The errors of SNS, as its clients know them."""

from tapwater_server.clouds.aws.asked import AwsError


def invalid(message: str) -> AwsError:
    return AwsError("InvalidParameter", f"Invalid parameter: {message}")


def no_topic() -> AwsError:
    return AwsError("NotFound", "Topic does not exist", 404)


def no_subscription() -> AwsError:
    return AwsError("NotFound", "Subscription does not exist", 404)


def not_here(what: str) -> AwsError:
    """Refuse what needs a telephone network or another's push service."""
    return AwsError("NotImplemented", f"{what} is not available here.", 501)
