"""AWS::Logs::LogGroup."""

from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.cloudformation.kind import Doing, Kind, Made, is_there


async def _create(doing: Doing) -> Made:
    name = doing.name("LogGroupName", length_max=512)
    try:
        await doing.call("logs", "CreateLogGroup", logGroupName=name)
    except AwsError as error:
        # The group of a function comes with the function here, and may be there before.
        if not (is_there(error) and name.startswith("/aws/lambda/")):
            raise
    await doing.begun(name)
    await _retain(doing, name)
    return _made(doing, name)


async def _update(doing: Doing) -> Made:
    await _retain(doing, doing.id)
    return _made(doing, doing.id)


async def _retain(doing: Doing, name: str) -> None:
    days = doing.want.get("RetentionInDays")
    if days is not None and doing.changed("RetentionInDays"):
        await doing.call("logs", "PutRetentionPolicy", logGroupName=name, retentionInDays=days)
    elif doing.changed("RetentionInDays"):
        await doing.forget("logs", "DeleteRetentionPolicy", logGroupName=name)


def _made(doing: Doing, name: str) -> Made:
    return Made(id=name, attributes={"Arn": doing.account.arn("logs", f"log-group:{name}:*")})


async def _delete(doing: Doing) -> None:
    await doing.forget("logs", "DeleteLogGroup", logGroupName=doing.id)


KINDS = (
    Kind(
        type="AWS::Logs::LogGroup",
        create=_create,
        update=_update,
        delete=_delete,
        takes=frozenset({"LogGroupName", "RetentionInDays"}),
        ignored=frozenset({"Tags", "LogGroupClass", "KmsKeyId"}),
        replaced=frozenset({"LogGroupName"}),
        named="LogGroupName",
    ),
)
