"""AWS::SSM::Parameter."""

from tapwater_server.clouds.aws.cloudformation.kind import (
    Doing,
    Kind,
    Made,
    pick,
    tag_list,
    tags_of,
)

_PARAMETER = ("Value", "Type", "Description", "AllowedPattern", "Tier", "DataType", "Policies")


async def _put(doing: Doing, *, overwrite: bool) -> Made:
    name = doing.id or doing.name("Name", length_max=1_000)
    await doing.call(
        "ssm", "PutParameter", Name=name, Overwrite=overwrite, **pick(doing.want, *_PARAMETER)
    )
    had = tags_of(doing.had, doing.tags) if overwrite else {}
    want, place = tags_of(doing.want, doing.tags), {"ResourceType": "Parameter", "ResourceId": name}
    if had.keys() - want.keys():
        gone = sorted(had.keys() - want.keys())
        await doing.call("ssm", "RemoveTagsFromResource", TagKeys=gone, **place)
    if want != had:
        await doing.call("ssm", "AddTagsToResource", Tags=tag_list(doing.want, doing.tags), **place)
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
        takes=frozenset({"Name", "Tags", *_PARAMETER}),
        replaced=frozenset({"Name"}),
        named="Name",
    ),
)
