"""Functions: made, looked at, changed, listed, removed."""

from collections.abc import Mapping, Sequence
from typing import Any

from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked, AwsError
from tapwater_server.clouds.aws.lambda_ import settings
from tapwater_server.clouds.aws.lambda_.making import EGRESS_TAG, read_egress
from tapwater_server.clouds.aws.lambda_.names import (
    LATEST,
    Reference,
    is_version,
    no_function,
    read_function,
    read_qualified,
)
from tapwater_server.clouds.aws.lambda_.protocol import answer, page, read_body
from tapwater_server.clouds.aws.lambda_.records import Code, Function, Version
from tapwater_server.clouds.aws.lambda_.refusals import invalid, stale
from tapwater_server.clouds.aws.lambda_.room import Room
from tapwater_server.clouds.aws.lambda_.showing import show_configuration
from tapwater_server.clouds.aws.lambda_.signing import check_unsigned

Args = Mapping[str, str]


async def create(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    body = await read_body(asked)
    reference = read_function(str(body.get("FunctionName") or ""))
    if reference.account not in ("", asked.account.id):
        message = f"{asked.caller.arn} may not create functions of account {reference.account}"
        raise AwsError("AccessDeniedException", message, 403)
    config = settings.created(body)
    tags = settings.check_tags(body.get("Tags") or {})
    read_egress(tags.get(EGRESS_TAG, ""))
    await room.changing.choice(str(config["Runtime"]))
    signing = str(body.get("CodeSigningConfigArn") or "")
    check_unsigned(room.store.signing(asked.account, signing))
    code = await _take(room, asked, body.get("Code") or {}, config)
    try:
        function = await room.changing.create(
            asked.account,
            reference.name,
            room.changing.version(config, code),
            tags=tags,
            signing=signing,
            publish=bool(body.get("Publish")),
        )
    finally:
        room.archives.done(code.zip)
    return answer(_shown(room, asked, function, published=bool(body.get("Publish"))), status=201)


async def show(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    reference = read_qualified(args["FunctionName"], asked.text("Qualifier"))
    function, version = room.store.qualified(asked.account, reference)
    shown: dict[str, Any] = {
        "Configuration": configuration(room, asked, function, version, reference),
        "Code": {
            "RepositoryType": "S3",
            "Location": room.links.make(asked, version.code.zip),
        },
    }
    if function.tags:
        shown["Tags"] = dict(function.tags)
    if function.reserved is not None:
        shown["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved}
    return answer(shown)


async def show_settings(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    reference = read_qualified(args["FunctionName"], asked.text("Qualifier"))
    function, version = room.store.qualified(asked.account, reference)
    return answer(configuration(room, asked, function, version, reference))


async def list_all(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    functions, more = page(
        room.store.functions(asked.account), asked, key=lambda function: function.name
    )
    shown = [_line(room, asked, function, function.latest) for function in functions]
    if asked.text("FunctionVersion") == "ALL":
        shown = [
            show_configuration(asked.account, function, version, qualified=True)
            for function in functions
            for version in (
                function.latest,
                *room.store.versions(asked.account, function.name),
            )
        ]
    return answer({"Functions": shown, **more})


async def update_code(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    body = await read_body(asked)
    reference = read_function(args["FunctionName"])
    function = room.store.function(asked.account, reference)
    check_revision(body, function.latest)
    if body.get("ImageUri"):
        raise invalid(
            "Please don't provide ImageUri when updating a function with packageType Zip."
        )
    config = dict(function.latest.config)
    if body.get("Architectures"):
        config = settings.check({**config, "Architectures": body["Architectures"]})
    check_unsigned(room.store.signing(asked.account, function.signing))
    had = config.get("Layers") or ()
    code = await _take(room, asked, body, config, had=had)
    try:
        if body.get("DryRun"):
            planned = function.with_latest(code=code, config=config)
            return answer(_shown(room, asked, planned))

        def change(now: Function) -> Version:
            check_revision(body, now.latest)
            kept = {**now.latest.config, "Architectures": config["Architectures"]}
            return room.changing.version(kept, code)

        updated = await room.changing.update(
            asked.account, function.name, change, publish=bool(body.get("Publish"))
        )
    finally:
        room.archives.done(code.zip)
    return answer(_shown(room, asked, updated, published=bool(body.get("Publish"))))


async def update_settings(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    body = await read_body(asked)
    reference = read_function(args["FunctionName"])
    function = room.store.function(asked.account, reference)
    check_revision(body, function.latest)
    config = settings.merged(function.latest.config, body)
    if config["Runtime"] != function.latest.config["Runtime"]:
        await room.changing.choice(str(config["Runtime"]))
    code = function.latest.code
    if config.get("Layers") != function.latest.config.get("Layers"):
        had = function.latest.config.get("Layers") or ()
        layers = room.store.layer_zips(asked.account, config, had=had)
        code = await room.archives.unpack(code.zip, layers)

    def change(now: Function) -> Version:
        check_revision(body, now.latest)
        layered = code if code.zip == now.latest.code.zip else now.latest.code
        return room.changing.version(settings.merged(now.latest.config, body), layered)

    updated = await room.changing.update(asked.account, function.name, change, publish=False)
    return answer(_shown(room, asked, updated))


async def remove(room: Room, asked: AwsAsked, args: Args) -> AwsAnswer:
    reference = read_qualified(args["FunctionName"], asked.text("Qualifier"))
    function = room.store.function(asked.account, reference)
    qualifier = reference.qualifier
    if not qualifier:
        await room.changing.remove(asked.account, function.name)
    elif qualifier == LATEST:
        raise invalid("$LATEST version cannot be deleted without deleting the function.")
    elif not is_version(qualifier):
        raise invalid("Deletion of aliases is not currently supported.")
    elif room.store.version(asked.account, function, qualifier) is None:
        raise no_function(asked.account, function.name, qualifier)
    else:
        await room.changing.remove_version(asked.account, function.name, qualifier)
    return answer(status=204)


async def download(room: Room, token: str) -> AwsAnswer:
    """Give a zip file to who has its address."""
    path = room.archives.path(room.links.check(token))
    if path is None:
        raise AwsError("NoSuchKey", "The code is not there any more.", 404)
    return AwsAnswer(
        headers=(("Content-Type", "application/zip"),), body=await room.archives.read(path)
    )


def configuration(
    room: Room, asked: AwsAsked, function: Function, version: Version, reference: Reference
) -> dict[str, Any]:
    """Show a version as it was asked for: an alias stays in the ARN."""
    shown = _line(room, asked, function, version)
    if reference.qualifier:
        plain = shown["FunctionArn"].rpartition(":function:")[0]
        shown["FunctionArn"] = f"{plain}:function:{function.name}:{reference.qualifier}"
    return shown


def check_revision(body: Mapping[str, Any], version: Version) -> None:
    """See that the caller knows the newest state, if it says which it knows.

    Raises:
        AwsError: PreconditionFailedException.
    """
    if body.get("RevisionId") and body["RevisionId"] != version.id:
        raise stale()


async def _take(
    room: Room,
    asked: AwsAsked,
    source: Mapping[str, Any],
    config: Mapping[str, Any],
    *,
    had: Sequence[str] = (),
) -> Code:
    """Keep and unpack the code that a request brings; ``archives.done()`` must follow."""
    layers = room.store.layer_zips(asked.account, config, had=had)
    digest = await room.archives.keep(await room.archives.take(asked.account, source))
    try:
        return await room.archives.unpack(digest, layers)
    except BaseException:
        room.archives.done(digest)
        raise


def _shown(
    room: Room, asked: AwsAsked, function: Function, *, published: bool = False
) -> dict[str, Any]:
    """Show what has become of a function; of one that was published, the version."""
    version = function.next or function.latest
    if published and function.published and not function.busy:
        number = str(function.published)
        version = room.store.version(asked.account, function, number) or version
    return _line(room, asked, function, version)


def _line(room: Room, asked: AwsAsked, function: Function, version: Version) -> dict[str, Any]:
    shown = show_configuration(asked.account, function, version)
    for layer in shown.get("Layers", ()):
        layer["CodeSize"] = room.store.layer_size(asked.account, layer["Arn"])
    return shown
