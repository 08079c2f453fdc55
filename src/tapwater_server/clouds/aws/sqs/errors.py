"""The errors of SQS: their names in both protocols, and how they are made."""

from collections.abc import Mapping

from tapwater_server.clouds.aws.asked import AwsError

_OLD = "AWS.SimpleQueueService."

# Their names in the query protocol, which clients of the newer one are told in a header.
_QUERY_CODES: Mapping[str, str] = {
    "QueueDoesNotExist": f"{_OLD}NonExistentQueue",
    "QueueNameExists": "QueueAlreadyExists",
    "PurgeQueueInProgress": f"{_OLD}PurgeQueueInProgress",
    "QueueDeletedRecently": f"{_OLD}QueueDeletedRecently",
    "TooManyEntriesInBatchRequest": f"{_OLD}TooManyEntriesInBatchRequest",
    "EmptyBatchRequest": f"{_OLD}EmptyBatchRequest",
    "BatchEntryIdsNotDistinct": f"{_OLD}BatchEntryIdsNotDistinct",
    "BatchRequestTooLong": f"{_OLD}BatchRequestTooLong",
    "InvalidBatchEntryId": f"{_OLD}InvalidBatchEntryId",
    "UnsupportedOperation": f"{_OLD}UnsupportedOperation",
    "MessageNotInflight": f"{_OLD}MessageNotInflight",
    "MissingRequiredParameterException": "MissingParameter",
    "InvalidParameterValueException": "InvalidParameterValue",
    "InvalidParameterCombinationException": "InvalidParameterCombination",
    "AccessDeniedException": "AccessDenied",
}
_GENERAL = frozenset(
    {
        "MissingRequiredParameterException",
        "InvalidParameterValueException",
        "InvalidParameterCombinationException",
        "AccessDeniedException",
        "SerializationException",
        "UnknownOperationException",
    }
)


def query_code(code: str) -> str:
    """Give an error's name in the query protocol.

    >>> query_code("QueueDoesNotExist")
    'AWS.SimpleQueueService.NonExistentQueue'
    """
    return _QUERY_CODES.get(code, code)


def json_type(code: str) -> str:
    """Give an error's ``__type`` in the JSON protocol."""
    space = "com.amazon.coral.service" if code in _GENERAL else "com.amazonaws.sqs"
    return f"{space}#{code}"


def no_queue() -> AwsError:
    return AwsError("QueueDoesNotExist", "The specified queue does not exist.")


def invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterValueException", message)


def invalid_value(value: object, parameter: str, reason: str) -> AwsError:
    """Say what is wrong with a parameter, in the words of SQS."""
    shown = str(value)[:1024]
    return invalid(f"Value {shown} for parameter {parameter} is invalid. Reason: {reason}")


def missing(parameter: str) -> AwsError:
    return AwsError(
        "MissingRequiredParameterException", f"The request must contain the parameter {parameter}."
    )


def unknown_attribute(name: str) -> AwsError:
    return AwsError("InvalidAttributeName", f"Unknown Attribute {name[:256]}.")


def bad_attribute(name: str) -> AwsError:
    return AwsError("InvalidAttributeValue", f"Invalid value for the parameter {name}.")


def bad_receipt() -> AwsError:
    return AwsError("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
