"""AWS::SSM::Parameter."""

from tapwater_server.clouds.aws.cloudformation.kind import Doing, Kind, Made, pick

_PARAMETER = ("Value", "Type", "Description", "AllowedPattern", "Tier", "DataType", "Policies")


async def _put(doing: Doing, *, overwrite: bool) -> Made:
    name = doing.id or doing.name("Name", length_max=1_000)
    await doing.call(
        "ssm", "PutParameter", Name=name, Overwrite=overwrite, **pick(doing.want, *_PARAMETER)
    )
    return Made(id=name, attributes=pick(doing.want, "Type", "Value"))


async def _create(doing: Doing) -> Made:
    return await _put(doing, overwrite=False)


async def _update(doing: Doing) -> Made:
    return await _put(doing, overwrite=True)


async def _delete(doing: Doing) -> None:
    await doing.forget("ssm", "DeleteParameter", Name=doing.id)


KINDS = (
    Kind(
        type="AWS::SSM::Parameter",
        create=_create,
        update=_update,
        delete=_delete,
        takes=frozenset({"Name", *_PARAMETER}),
        ignored=frozenset({"Tags"}),
        replaced=frozenset({"Name"}),
        named="Name",
    ),
)
