"""AWS::Lambda::LayerVersion and LayerVersionPermission."""

from tapwater_server.clouds.aws.cloudformation.kind import Doing, Kind, Made, pick

_LAYER = ("LayerName", "Description", "LicenseInfo", "CompatibleRuntimes")
_PERMISSION = ("Action", "Principal", "OrganizationId")


async def _create(doing: Doing) -> Made:
    code = doing.want.get("Content") or {}
    found = await doing.call(
        "lambda",
        "PublishLayerVersion",
        Content=pick(code, "S3Bucket", "S3Key", "S3ObjectVersion"),
        **{"LayerName": doing.logical} | pick(doing.want, *_LAYER, "CompatibleArchitectures"),
    )
    arn = str(found["LayerVersionArn"])
    return Made(id=arn, attributes={"LayerVersionArn": arn})


def _numbered(arn: str) -> tuple[str, int]:
    """Take a version's ARN apart.

    >>> _numbered("arn:aws:lambda:us-east-1:000000000000:layer:libs:3")
    ('libs', 3)
    """
    parts = arn.split(":")
    return parts[-2], int(parts[-1])


async def _delete(doing: Doing) -> None:
    name, number = _numbered(doing.id)
    await doing.forget("lambda", "DeleteLayerVersion", LayerName=name, VersionNumber=number)


async def _permit(doing: Doing) -> Made:
    name, number = _numbered(str(doing.want["LayerVersionArn"]))
    id = f"{doing.stack[:40]}-{doing.logical[:40]}-{doing.token}"
    await doing.call(
        "lambda",
        "AddLayerVersionPermission",
        LayerName=name,
        VersionNumber=number,
        StatementId=id,
        **pick(doing.want, *_PERMISSION),
    )
    return Made(id=f"{doing.want['LayerVersionArn']}#{id}", attributes={"Id": id})


async def _forbid(doing: Doing) -> None:
    arn, _, id = doing.id.rpartition("#")
    name, number = _numbered(arn)
    await doing.forget(
        "lambda",
        "RemoveLayerVersionPermission",
        LayerName=name,
        VersionNumber=number,
        StatementId=id,
    )


KINDS = (
    Kind(
        type="AWS::Lambda::LayerVersion",
        create=_create,
        delete=_delete,
        takes=frozenset({*_LAYER, "Content", "CompatibleArchitectures"}),
    ),
    Kind(
        type="AWS::Lambda::LayerVersionPermission",
        create=_permit,
        delete=_forbid,
        takes=frozenset({"LayerVersionArn", *_PERMISSION}),
    ),
)
