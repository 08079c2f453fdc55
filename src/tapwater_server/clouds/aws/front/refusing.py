"""Errors where no service can write them, in the shape of its family."""

from tapwater_server.clouds.aws.asked import AwsAnswer, AwsError
from tapwater_server.clouds.aws.front.troubles import Family
from tapwater_server.clouds.aws.protocol.refusing import json_error, query_error, s3_error


def write_refusal(error: AwsError, family: Family, *, id: str) -> AwsAnswer:
    """Write an error where no service can: there is none, or it is none of its business."""
    if family is Family.QUERY:
        return query_error(error, id=id)
    if family is Family.S3:
        return s3_error(error, id=id)
    return json_error(error, header=family is Family.REST)


def broken(family: Family) -> AwsError:
    """A bug of ours: all that a client is told of it."""
    message = "We encountered an internal error. Please try again."
    return AwsError("InternalError" if family is Family.S3 else "InternalFailure", message, 500)
