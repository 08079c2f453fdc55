"""AWS::ApiGateway::Model and RequestValidator: what a REST API wants of requests."""

import json
from typing import Any

from tapwater_server.clouds.aws.cloudformation.kind import Doing, Kind, Made, pick
from tapwater_server.clouds.aws.cloudformation.kinds.apis import lower
from tapwater_server.clouds.aws.cloudformation.kinds.traces import part_finder, same

_GATEWAY = "apigateway"
_VALIDATOR = ("RestApiId", "Name", "ValidateRequestBody", "ValidateRequestParameters")


def _schema(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


async def _find_model(doing: Doing) -> str:
    return str(doing.want.get("Name") or f"{doing.logical}{doing.token}")


async def _create_model(doing: Doing) -> Made:
    name = await _find_model(doing)
    await doing.call(
        _GATEWAY,
        "CreateModel",
        restApiId=doing.want["RestApiId"],
        name=name,
        contentType=doing.want.get("ContentType", "application/json"),
        schema=_schema(doing.want.get("Schema")),
        description=doing.want.get("Description"),
    )
    return Made(id=name)


async def _update_model(doing: Doing) -> Made:
    said = {"/schema": _schema(doing.want.get("Schema")) or "{}"}
    said["/description"] = str(doing.want.get("Description") or "")
    await doing.call(
        _GATEWAY,
        "UpdateModel",
        restApiId=doing.want["RestApiId"],
        modelName=doing.id,
        patchOperations=_patches(said),
    )
    return Made(id=doing.id)


async def _delete_model(doing: Doing) -> None:
    api = doing.want["RestApiId"]
    await doing.forget(_GATEWAY, "DeleteModel", restApiId=api, modelName=doing.id)


async def _create_validator(doing: Doing) -> Made:
    given = lower(pick(doing.want, *_VALIDATOR))
    found = await doing.call(_GATEWAY, "CreateRequestValidator", **given)
    return Made(id=str(found["id"]), attributes={"RequestValidatorId": found["id"]})


async def _update_validator(doing: Doing) -> Made:
    said = {
        f"/{name[:1].lower()}{name[1:]}": str(bool(doing.want.get(name))).lower()
        for name in ("ValidateRequestBody", "ValidateRequestParameters")
    }
    await doing.call(
        _GATEWAY,
        "UpdateRequestValidator",
        restApiId=doing.want["RestApiId"],
        requestValidatorId=doing.id,
        patchOperations=_patches(said),
    )
    return Made(id=doing.id, attributes=doing.attributes)


def _patches(said: dict[str, str]) -> list[dict[str, str]]:
    return [{"op": "replace", "path": path, "value": value} for path, value in said.items()]


async def _delete_validator(doing: Doing) -> None:
    given = {"restApiId": doing.want["RestApiId"], "requestValidatorId": doing.id}
    await doing.forget(_GATEWAY, "DeleteRequestValidator", **given)


KINDS = (
    Kind(
        type="AWS::ApiGateway::Model",
        create=_create_model,
        update=_update_model,
        delete=_delete_model,
        takes=frozenset({"RestApiId", "Name", "ContentType", "Schema", "Description"}),
        replaced=frozenset({"RestApiId", "Name", "ContentType"}),
        find=_find_model,
    ),
    Kind(
        type="AWS::ApiGateway::RequestValidator",
        create=_create_validator,
        update=_update_validator,
        delete=_delete_validator,
        takes=frozenset(_VALIDATOR),
        replaced=frozenset({"RestApiId", "Name"}),
        find=part_finder("GetRequestValidators", same(("Name", "name"))),
    ),
)
