"""What a change makes of a function, and what is told of one that cannot be. Pure."""

from dataclasses import replace

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.lambda_ import records
from tapwater_server.clouds.aws.lambda_.names import function_arn
from tapwater_server.clouds.aws.lambda_.records import Function, Version
from tapwater_server.clouds.aws.lambda_.refusals import conflict, refused
from tapwater_server.model.errors import Conflict, DeployFailed, TapwaterError


def check_free(account: Account, function: Function) -> None:
    """See that nothing is being done to a function.

    Raises:
        AwsError: something is.
    """
    if function.state == records.PENDING:
        raise conflict(
            "The operation cannot be performed at this time. The function is currently in the "
            "following state: Pending"
        )
    if function.update == records.IN_PROGRESS:
        raise in_progress(function_arn(account, function.name))


def in_progress(arn: str) -> AwsError:
    """Something else is being done to it."""
    return conflict(
        "The operation cannot be performed at this time. An update is in progress for resource: "
        + arn
    )


def is_same(last: Version, latest: Version) -> bool:
    """Say whether code and configuration are those of the last version."""
    without = {**last.config, "Description": ""} == {**latest.config, "Description": ""}
    return without and last.code.zip == latest.code.zip


def failed(function: Function, said: str) -> Function:
    """It did not come up: a new one has failed, another one stays what it was."""
    if function.state == records.PENDING:
        return replace(function, state=records.FAILED, state_reason=said, publish=False)
    return replace(function, update=records.FAILED, update_reason=said, next=None, publish=False)


def sentence(error: TapwaterError | AwsError) -> str:
    """Say what went wrong, with all that was found."""
    problems = error.problems if isinstance(error, DeployFailed) else ()
    return " ".join([error.message, *(problem["what"] for problem in problems)])[:2000]


def told(error: TapwaterError | AwsError) -> AwsError:
    """What went wrong, as a client of Lambda is told."""
    if isinstance(error, AwsError):
        return error
    if isinstance(error, Conflict):
        return conflict(error.message)
    return refused("ServiceException", sentence(error), 500)
