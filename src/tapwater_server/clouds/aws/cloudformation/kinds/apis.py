"""AWS::ApiGateway::RestApi, Deployment, Stage and Account."""

import json
from typing import Any

from tapwater_server.clouds.aws.cloudformation.kind import (
    Doing,
    Kind,
    Made,
    Properties,
    pick,
    tags_of,
)
from tapwater_server.clouds.aws.cloudformation.kinds.traces import finder, is_marked, marked, same
from tapwater_server.clouds.aws.cloudformation.troubles import Failed

_API = (
    *("Name", "Description", "Version", "BinaryMediaTypes", "MinimumCompressionSize"),
    *("ApiKeySourceType", "EndpointConfiguration", "Policy", "DisableExecuteApiEndpoint"),
    *("CloneFrom", "SecurityPolicy", "EndpointAccessMode"),
)


def lower(value: Any) -> Any:
    """Write names as the API of REST APIs has them: with a small letter first.

    >>> lower({"EndpointConfiguration": {"Types": ["EDGE"]}})
    {'endpointConfiguration': {'types': ['EDGE']}}
    """
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: lower(part) for name, part in value.items()}
    if isinstance(value, list):
        return [lower(part) for part in value]
    return value


async def _body(doing: Doing) -> bytes | None:
    """Give the OpenAPI document: in the template, or in a bucket."""
    if doing.want.get("Body") is not None:
        return json.dumps(doing.want["Body"]).encode()
    place = doing.want.get("BodyS3Location")
    if not place:
        return None
    given = {"Bucket": place.get("Bucket"), "Key": place.get("Key")}
    if place.get("Version"):
        given["VersionId"] = place["Version"]
    found = await doing.call("s3", "GetObject", **given)
    return bytes(found["Body"])


def _given(want: Properties) -> dict[str, Any]:
    given = lower(pick(want, *_API))
    if "apiKeySourceType" in given:
        given["apiKeySource"] = given.pop("apiKeySourceType")
    if isinstance(given.get("policy"), dict):
        given["policy"] = json.dumps(want["Policy"])
    return dict(given)


async def _create_api(doing: Doing) -> Made:
    body = await _body(doing)
    given = _given(doing.want)
    if "name" not in given:
        if body is None:
            raise Failed("RestApi needs a Name or a Body")
        given["name"] = _title(body) or doing.logical
    given["tags"] = marked(doing)
    found = await doing.call("apigateway", "CreateRestApi", **given)
    await doing.begun(str(found["id"]))
    await _import(doing, str(found["id"]), body, str(doing.want.get("Mode", "overwrite")))
    return await _made_api(doing, str(found["id"]))


def _title(body: bytes) -> str:
    try:
        return str(json.loads(body)["info"]["title"])
    except (ValueError, KeyError, TypeError):
        return ""


async def _import(doing: Doing, id: str, body: bytes | None, mode: str) -> None:
    if body is None:
        return
    await doing.call(
        "apigateway",
        "PutRestApi",
        restApiId=id,
        mode=mode,
        failOnWarnings=doing.want.get("FailOnWarnings"),
        parameters=doing.want.get("Parameters"),
        body=body,
    )


async def _made_api(doing: Doing, id: str) -> Made:
    api = await doing.call("apigateway", "GetRestApi", restApiId=id)
    return Made(id=id, attributes={"RestApiId": id, "RootResourceId": api["rootResourceId"]})


async def _update_api(doing: Doing) -> Made:
    patches = []
    for name, path in (
        ("Name", "/name"),
        ("Description", "/description"),
        ("ApiKeySourceType", "/apiKeySource"),
        ("DisableExecuteApiEndpoint", "/disableExecuteApiEndpoint"),
        ("MinimumCompressionSize", "/minimumCompressionSize"),
    ):
        if doing.changed(name) and name in doing.want:
            value = doing.want[name]
            said = str(value).lower() if isinstance(value, bool) else str(value)
            patches.append({"op": "replace", "path": path, "value": said})
    if doing.changed("Policy"):
        policy = doing.want.get("Policy") or ""
        said = policy if isinstance(policy, str) else json.dumps(policy)
        patches.append({"op": "replace", "path": "/policy", "value": said})
    patches += _media(doing)
    if patches:
        await doing.call("apigateway", "UpdateRestApi", restApiId=doing.id, patchOperations=patches)
    if doing.changed("Body", "BodyS3Location", "Parameters", "Mode"):
        mode = str(doing.want.get("Mode", "overwrite"))
        await _import(doing, doing.id, await _body(doing), mode)
    return await _made_api(doing, doing.id)


def _media(doing: Doing) -> list[dict[str, str]]:
    had, want = (
        {str(one).replace("/", "~1") for one in properties.get("BinaryMediaTypes") or []}
        for properties in (doing.had, doing.want)
    )
    return [
        *({"op": "add", "path": f"/binaryMediaTypes/{one}"} for one in sorted(want - had)),
        *({"op": "remove", "path": f"/binaryMediaTypes/{one}"} for one in sorted(had - want)),
    ]


async def _delete_api(doing: Doing) -> None:
    await doing.forget("apigateway", "DeleteRestApi", restApiId=doing.id)


async def _create_deployment(doing: Doing) -> Made:
    stage = doing.want.get("StageDescription") or {}
    found = await doing.call(
        "apigateway",
        "CreateDeployment",
        **lower(pick(doing.want, "RestApiId", "StageName", "Description")),
        variables=stage.get("Variables"),
    )
    id = str(found["id"])
    return Made(id=id, attributes={"DeploymentId": id})


async def _update_deployment(doing: Doing) -> Made:
    return Made(id=doing.id, attributes=doing.attributes)


async def _delete_deployment(doing: Doing) -> None:
    api = str(doing.want["RestApiId"])
    stage = doing.want.get("StageName")
    if stage:
        seen = await doing.call("apigateway", "GetStages", restApiId=api, deploymentId=doing.id)
        if any(one.get("stageName") == stage for one in seen.get("item", [])):
            await doing.forget("apigateway", "DeleteStage", restApiId=api, stageName=stage)
    await doing.forget("apigateway", "DeleteDeployment", restApiId=api, deploymentId=doing.id)


_STAGE = ("RestApiId", "StageName", "DeploymentId", "Description", "Variables", "TracingEnabled")


async def _create_stage(doing: Doing) -> Made:
    given = lower(pick(doing.want, *_STAGE[:4], "TracingEnabled"))
    await doing.call(
        "apigateway",
        "CreateStage",
        **given,
        variables=doing.want.get("Variables"),
        tags=tags_of(doing.want, doing.tags),
    )
    return Made(id=str(doing.want["StageName"]))


async def _update_stage(doing: Doing) -> Made:
    had, want = doing.had.get("Variables") or {}, doing.want.get("Variables") or {}
    patches: list[dict[str, Any]] = [
        {"op": "replace", "path": f"/variables/{name}", "value": str(value)}
        for name, value in want.items()
        if had.get(name) != value
    ]
    patches += [{"op": "remove", "path": f"/variables/{name}"} for name in had if name not in want]
    for name, path in (("DeploymentId", "/deploymentId"), ("Description", "/description")):
        if doing.changed(name) and name in doing.want:
            patches.append({"op": "replace", "path": path, "value": str(doing.want[name])})
    if patches:
        await doing.call(
            "apigateway",
            "UpdateStage",
            restApiId=doing.want["RestApiId"],
            stageName=doing.id,
            patchOperations=patches,
        )
    return Made(id=doing.id)


async def _delete_stage(doing: Doing) -> None:
    api = doing.want["RestApiId"]
    await doing.forget("apigateway", "DeleteStage", restApiId=api, stageName=doing.id)


async def _account(doing: Doing) -> Made:
    """The role for logs: stored by nobody, because our logs need none."""
    return Made(id=doing.id or f"{doing.stack}-{doing.logical}-{doing.token}")


async def _no_account(doing: Doing) -> None:
    return


KINDS = (
    Kind(
        type="AWS::ApiGateway::RestApi",
        create=_create_api,
        update=_update_api,
        delete=_delete_api,
        takes=frozenset(
            {*_API, "Body", "BodyS3Location", "FailOnWarnings", "Mode", "Parameters", "Tags"}
        ),
        replaced=frozenset({"CloneFrom"}),
        find=finder("apigateway", "GetRestApis", items="items", id="id", is_it=is_marked),
    ),
    Kind(
        type="AWS::ApiGateway::Deployment",
        create=_create_deployment,
        update=_update_deployment,
        delete=_delete_deployment,
        takes=frozenset({"RestApiId", "StageName", "Description", "StageDescription"}),
        replaced=frozenset({"RestApiId"}),
    ),
    Kind(
        type="AWS::ApiGateway::Stage",
        create=_create_stage,
        update=_update_stage,
        delete=_delete_stage,
        takes=frozenset({*_STAGE, "Tags"}),
        ignored=frozenset(
            {
                *("MethodSettings", "AccessLogSetting", "CacheClusterEnabled"),
                *("CacheClusterSize", "DocumentationVersion"),
            }
        ),
        find=finder(
            "apigateway",
            "GetStages",
            items="item",
            id="stageName",
            is_it=same(("StageName", "stageName")),
            given={"restApiId": "RestApiId"},
        ),
        replaced=frozenset({"RestApiId", "StageName"}),
    ),
    Kind(
        type="AWS::ApiGateway::Account",
        create=_account,
        update=_account,
        delete=_no_account,
        takes=frozenset({"CloudWatchRoleArn"}),
    ),
)
