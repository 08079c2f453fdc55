"""AWS::ApiGatewayV2::Api, Route, Integration, Authorizer, Stage and Deployment."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from tapwater_server.clouds.aws.cloudformation.kind import (
    Doing,
    Find,
    Kind,
    Made,
    Make,
    pick,
    tags_of,
)
from tapwater_server.clouds.aws.cloudformation.kinds.apis import _body
from tapwater_server.clouds.aws.cloudformation.kinds.traces import (
    MARK,
    finder,
    is_marked,
    marked,
    same,
)
from tapwater_server.clouds.aws.cloudformation.troubles import Failed

_GATEWAY = "apigatewayv2"
_API = (
    *("Name", "Description", "ProtocolType", "RouteSelectionExpression", "CorsConfiguration"),
    *("Version", "Target", "RouteKey", "CredentialsArn", "DisableExecuteApiEndpoint"),
    *("ApiKeySelectionExpression", "IpAddressType"),
)
_CHANGEABLE = tuple(name for name in _API if name not in ("ProtocolType", "Target", "RouteKey"))


async def _create_api(doing: Doing) -> Made:
    body, given = await _body(doing), pick(doing.want, *_API)
    if body is not None:
        found = await doing.call(
            _GATEWAY,
            "ImportApi",
            Body=_marked(body, doing.token),
            FailOnWarnings=doing.want.get("FailOnWarnings"),
            Basepath=doing.want.get("BasePath"),
        )
        await doing.begun(str(found["ApiId"]))
        await _adjust(doing, str(found["ApiId"]))
    else:
        if "Name" not in given or "ProtocolType" not in given:
            raise Failed("Api needs a Name and a ProtocolType, or a Body")
        found = await doing.call(_GATEWAY, "CreateApi", Tags=marked(doing), **given)
    return _made_api(found)


def _marked(body: bytes, token: str) -> str:
    """Put the mark into a document: an import takes tags from there only."""
    text = body.decode()
    try:
        document = json.loads(text)
        mark = {"name": MARK, "x-amazon-apigateway-tag-value": token}
        return json.dumps({**document, "tags": [*(document.get("tags") or []), mark]})
    except (ValueError, TypeError, AttributeError):
        return text  # YAML out of a bucket: it goes unmarked.


async def _adjust(doing: Doing, id: str) -> None:
    """Set what stands beside the document."""
    given = pick(doing.want, *_CHANGEABLE)
    if given:
        await doing.call(_GATEWAY, "UpdateApi", ApiId=id, **given)
    tags = tags_of(doing.want, doing.tags)
    if tags:
        arn = f"arn:aws:apigateway:{doing.account.region}::/apis/{id}"
        await doing.call(_GATEWAY, "TagResource", ResourceArn=arn, Tags=tags)


def _made_api(found: Mapping[str, object]) -> Made:
    id = str(found["ApiId"])
    return Made(id=id, attributes={"ApiId": id, "ApiEndpoint": found["ApiEndpoint"]})


async def _update_api(doing: Doing) -> Made:
    if doing.changed("Body", "BodyS3Location"):
        body = await _body(doing)
        if body is not None:
            await doing.call(
                _GATEWAY,
                "ReimportApi",
                ApiId=doing.id,
                Body=body.decode(),
                FailOnWarnings=doing.want.get("FailOnWarnings"),
                Basepath=doing.want.get("BasePath"),
            )
    await _adjust(doing, doing.id)
    if doing.changed("CorsConfiguration") and "CorsConfiguration" not in doing.want:
        await doing.call(_GATEWAY, "DeleteCorsConfiguration", ApiId=doing.id)
    return _made_api(await doing.call(_GATEWAY, "GetApi", ApiId=doing.id))


async def _delete_api(doing: Doing) -> None:
    await doing.forget(_GATEWAY, "DeleteApi", ApiId=doing.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One kind of part of an API: operations and properties are called alike."""

    name: str  # "Route"
    takes: tuple[str, ...]
    once: tuple[str, ...] = ("ApiId",)
    known_by: str = ""  # the property that no other of the same API has

    @property
    def id(self) -> str:
        return "StageName" if self.name == "Stage" else f"{self.name}Id"

    def makes(self) -> Make:
        async def create(doing: Doing) -> Made:
            given = pick(doing.want, *self.takes)
            found = await doing.call(_GATEWAY, f"Create{self.name}", **given)
            id = str(found[self.id])
            return Made(id=id, attributes={self.id: id})

        return create

    def changes(self) -> Make:
        async def update(doing: Doing) -> Made:
            given = pick(doing.want, *self.takes) | {self.id: doing.id}
            await doing.call(_GATEWAY, f"Update{self.name}", **given)
            return Made(id=doing.id, attributes=doing.attributes)

        return update

    def finds(self) -> Find | None:
        if not self.known_by:
            return None
        return finder(
            _GATEWAY,
            f"Get{self.name}s",
            items="Items",
            id=self.id,
            is_it=same((self.known_by, self.known_by)),
            given={"ApiId": "ApiId"},
        )

    def kind(self, *, ignored: frozenset[str] = frozenset()) -> Kind:
        async def delete(doing: Doing) -> None:
            place = {"ApiId": doing.want["ApiId"], self.id: doing.id}
            await doing.forget(_GATEWAY, f"Delete{self.name}", **place)

        return Kind(
            type=f"AWS::ApiGatewayV2::{self.name}",
            create=self.makes(),
            update=self.changes(),
            delete=delete,
            takes=frozenset(self.takes),
            replaced=frozenset(self.once),
            ignored=ignored,
            find=self.finds(),
        )


_PARTS = (
    _Part(
        name="Route",
        takes=(
            *("ApiId", "RouteKey", "Target", "AuthorizationType", "AuthorizerId"),
            *("AuthorizationScopes", "ApiKeyRequired", "OperationName"),
        ),
        known_by="RouteKey",
    ).kind(),
    _Part(
        name="Integration",
        takes=(
            *("ApiId", "IntegrationType", "IntegrationUri", "IntegrationMethod"),
            *("PayloadFormatVersion", "TimeoutInMillis", "Description", "ConnectionType"),
            *("CredentialsArn", "RequestParameters", "ResponseParameters", "IntegrationSubtype"),
            *("PassthroughBehavior", "ConnectionId", "TlsConfig"),
        ),
    ).kind(),
    _Part(
        name="Authorizer",
        takes=(
            *("ApiId", "Name", "AuthorizerType", "AuthorizerUri", "IdentitySource"),
            *("AuthorizerPayloadFormatVersion", "AuthorizerResultTtlInSeconds"),
            *("EnableSimpleResponses", "JwtConfiguration", "AuthorizerCredentialsArn"),
        ),
        once=("ApiId", "AuthorizerType"),
        known_by="Name",
    ).kind(),
    _Part(
        name="Stage",
        takes=(
            *("ApiId", "StageName", "AutoDeploy", "DeploymentId", "Description"),
            *("StageVariables", "DefaultRouteSettings", "RouteSettings", "Tags"),
        ),
        once=("ApiId", "StageName"),
        known_by="StageName",
    ).kind(ignored=frozenset({"AccessLogSettings"})),
    _Part(
        name="Deployment",
        takes=("ApiId", "StageName", "Description"),
        once=("ApiId", "StageName"),
    ).kind(),
)

KINDS = (
    Kind(
        type="AWS::ApiGatewayV2::Api",
        create=_create_api,
        update=_update_api,
        delete=_delete_api,
        takes=frozenset({*_API, "Body", "BodyS3Location", "FailOnWarnings", "BasePath", "Tags"}),
        replaced=frozenset({"ProtocolType"}),
        find=finder(_GATEWAY, "GetApis", items="Items", id="ApiId", is_it=is_marked),
    ),
    *_PARTS,
)
