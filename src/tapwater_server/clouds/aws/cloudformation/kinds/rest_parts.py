"""The parts of a REST API that are resources of their own: paths, methods, keys and others."""

from collections.abc import Mapping
from typing import Any

from tapwater_server.clouds.aws.cloudformation.kind import Doing, Kind, Made, pick
from tapwater_server.clouds.aws.cloudformation.kinds.apis import lower
from tapwater_server.clouds.aws.cloudformation.kinds.traces import (
    finder,
    is_marked,
    marked,
    part_finder,
    same,
)

_GATEWAY = "apigateway"


async def _create_resource(doing: Doing) -> Made:
    given = lower(pick(doing.want, "RestApiId", "ParentId", "PathPart"))
    found = await doing.call(_GATEWAY, "CreateResource", **given)
    id = str(found["id"])
    return Made(id=id, attributes={"ResourceId": id})


async def _delete_resource(doing: Doing) -> None:
    api = doing.want["RestApiId"]
    await doing.forget(_GATEWAY, "DeleteResource", restApiId=api, resourceId=doing.id)


_METHOD = (
    *("RestApiId", "ResourceId", "HttpMethod", "AuthorizationType", "AuthorizerId"),
    *("ApiKeyRequired", "OperationName", "RequestValidatorId", "AuthorizationScopes"),
)


async def _put_method(doing: Doing) -> Made:
    place = lower(pick(doing.want, "RestApiId", "ResourceId", "HttpMethod"))
    if doing.id or doing.again:
        await doing.forget(_GATEWAY, "DeleteMethod", **place)
    given = lower(pick(doing.want, *_METHOD))
    given |= {
        lower_name: doing.want[name]
        for name, lower_name in (
            ("RequestParameters", "requestParameters"),
            ("RequestModels", "requestModels"),
        )
        if name in doing.want
    }
    await doing.call(_GATEWAY, "PutMethod", **{"authorizationType": "NONE"} | given)
    for answer in doing.want.get("MethodResponses") or []:
        await doing.call(_GATEWAY, "PutMethodResponse", **place, **_answer(answer))
    integration = doing.want.get("Integration")
    if integration:
        await _put_integration(doing, place, integration)
    return Made(id="|".join(str(place[name]) for name in sorted(place)))


def _answer(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Write an answer's names small, but not those of its headers and media types."""
    return {name[:1].lower() + name[1:]: value for name, value in answer.items()}


async def _put_integration(
    doing: Doing, place: Mapping[str, Any], integration: Mapping[str, Any]
) -> None:
    given = _answer(integration)
    answers = given.pop("integrationResponses", [])
    if "integrationHttpMethod" in given:
        given["integrationHttpMethod"] = given.pop("integrationHttpMethod")
    await doing.call(_GATEWAY, "PutIntegration", **place, **given)
    for answer in answers:
        await doing.call(_GATEWAY, "PutIntegrationResponse", **place, **_answer(answer))


async def _delete_method(doing: Doing) -> None:
    place = lower(pick(doing.want, "RestApiId", "ResourceId", "HttpMethod"))
    await doing.forget(_GATEWAY, "DeleteMethod", **place)


_AUTHORIZER = (
    *("RestApiId", "Name", "Type", "ProviderARNs", "AuthType", "AuthorizerUri"),
    *("AuthorizerCredentials", "IdentitySource", "IdentityValidationExpression"),
    *("AuthorizerResultTtlInSeconds",),
)


async def _create_authorizer(doing: Doing) -> Made:
    given = lower(pick(doing.want, *_AUTHORIZER))
    found = await doing.call(_GATEWAY, "CreateAuthorizer", **given)
    id = str(found["id"])
    return Made(id=id, attributes={"AuthorizerId": id})


async def _delete_authorizer(doing: Doing) -> None:
    api = doing.want["RestApiId"]
    await doing.forget(_GATEWAY, "DeleteAuthorizer", restApiId=api, authorizerId=doing.id)


async def _put_gateway_response(doing: Doing) -> Made:
    given = _answer(pick(doing.want, "RestApiId", "ResponseType", "StatusCode"))
    given |= _answer(pick(doing.want, "ResponseParameters", "ResponseTemplates"))
    await doing.call(_GATEWAY, "PutGatewayResponse", **given)
    return Made(id=f"{given['restApiId']}|{given['responseType']}")


async def _delete_gateway_response(doing: Doing) -> None:
    given = lower(pick(doing.want, "RestApiId", "ResponseType"))
    await doing.forget(_GATEWAY, "DeleteGatewayResponse", **given)


async def _create_key(doing: Doing) -> Made:
    name = doing.name("Name")
    given = _answer(pick(doing.want, "Description", "Enabled", "GenerateDistinctId", "Value"))
    found = await doing.call(_GATEWAY, "CreateApiKey", name=name, tags=marked(doing), **given)
    id = str(found["id"])
    return Made(id=id, attributes={"APIKeyId": id})


async def _delete_key(doing: Doing) -> None:
    await doing.forget(_GATEWAY, "DeleteApiKey", apiKey=doing.id)


async def _create_plan(doing: Doing) -> Made:
    name = doing.name("UsagePlanName")
    given = lower(pick(doing.want, "Description", "Quota", "Throttle"))
    stages = [lower(pick(one, "ApiId", "Stage")) for one in doing.want.get("ApiStages") or []]
    found = await doing.call(
        _GATEWAY,
        "CreateUsagePlan",
        name=name,
        apiStages=stages or None,
        tags=marked(doing),
        **given,
    )
    return Made(id=str(found["id"]), attributes={"Id": found["id"]})


async def _delete_plan(doing: Doing) -> None:
    patches = [
        {"op": "remove", "path": "/apiStages", "value": f"{one['ApiId']}:{one['Stage']}"}
        for one in doing.want.get("ApiStages") or []
    ]
    if patches:
        await doing.forget(
            _GATEWAY, "UpdateUsagePlan", usagePlanId=doing.id, patchOperations=patches
        )
    await doing.forget(_GATEWAY, "DeleteUsagePlan", usagePlanId=doing.id)


async def _create_plan_key(doing: Doing) -> Made:
    given = lower(pick(doing.want, "UsagePlanId", "KeyId", "KeyType"))
    await doing.call(_GATEWAY, "CreateUsagePlanKey", **given)
    id = f"{doing.want['KeyId']}:{doing.want['UsagePlanId']}"
    return Made(id=id, attributes={"Id": id})


async def _delete_plan_key(doing: Doing) -> None:
    given = lower(pick(doing.want, "UsagePlanId", "KeyId"))
    await doing.forget(_GATEWAY, "DeleteUsagePlanKey", **given)


KINDS = (
    Kind(
        type="AWS::ApiGateway::Resource",
        create=_create_resource,
        delete=_delete_resource,
        takes=frozenset({"RestApiId", "ParentId", "PathPart"}),
        find=part_finder("GetResources", same(("ParentId", "parentId"), ("PathPart", "pathPart"))),
    ),
    Kind(
        type="AWS::ApiGateway::Method",
        create=_put_method,
        update=_put_method,
        delete=_delete_method,
        takes=frozenset(
            {
                *_METHOD,
                *("RequestParameters", "RequestModels", "MethodResponses", "Integration"),
            }
        ),
        replaced=frozenset({"RestApiId", "ResourceId", "HttpMethod"}),
    ),
    Kind(
        type="AWS::ApiGateway::Authorizer",
        create=_create_authorizer,
        delete=_delete_authorizer,
        takes=frozenset(_AUTHORIZER),
        find=part_finder("GetAuthorizers", same(("Name", "name"))),
    ),
    Kind(
        type="AWS::ApiGateway::GatewayResponse",
        create=_put_gateway_response,
        update=_put_gateway_response,
        delete=_delete_gateway_response,
        takes=frozenset(
            {
                *("RestApiId", "ResponseType", "StatusCode", "ResponseParameters"),
                *("ResponseTemplates",),
            }
        ),
        replaced=frozenset({"RestApiId", "ResponseType"}),
    ),
    Kind(
        type="AWS::ApiGateway::ApiKey",
        create=_create_key,
        delete=_delete_key,
        takes=frozenset({"Name", "Description", "Enabled", "GenerateDistinctId", "Value"}),
        ignored=frozenset({"Tags", "CustomerId"}),
        find=finder(_GATEWAY, "GetApiKeys", items="items", id="id", is_it=is_marked),
    ),
    Kind(
        type="AWS::ApiGateway::UsagePlan",
        create=_create_plan,
        delete=_delete_plan,
        takes=frozenset({"UsagePlanName", "Description", "Quota", "Throttle", "ApiStages"}),
        ignored=frozenset({"Tags"}),
        find=finder(_GATEWAY, "GetUsagePlans", items="items", id="id", is_it=is_marked),
    ),
    Kind(
        type="AWS::ApiGateway::UsagePlanKey",
        create=_create_plan_key,
        delete=_delete_plan_key,
        takes=frozenset({"UsagePlanId", "KeyId", "KeyType"}),
    ),
)
