"""The control API of HTTP APIs (apigatewayv2)."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

from tapwater_server.clouds.aws.apigateway import http_checks
from tapwater_server.clouds.aws.apigateway.addresses import endpoint_of
from tapwater_server.clouds.aws.apigateway.http_import import read_document
from tapwater_server.clouds.aws.apigateway.store import Store, Values
from tapwater_server.clouds.aws.asked import AwsAsked, AwsError, Service
from tapwater_server.clouds.aws.protocol.service import Handler, ModelService
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.facts import Fact, Step

Params = Mapping[str, Any]
PARTS: Mapping[str, str] = {
    "Route": "routes",
    "Integration": "integrations",
    "Authorizer": "authorizers",
}
PARTS_MAX = 300  # Of one sort, of an API.
PAGE_MAX = 500
_API = (
    *("Name", "Description", "Version", "CorsConfiguration", "DisableExecuteApiEndpoint"),
    *("RouteSelectionExpression", "ApiKeySelectionExpression", "IpAddressType"),
)
_NOT_HERE = "WebSocket APIs are not available here; functions of Tapwater's own take WebSockets."


class HttpControl:
    """Makes and changes HTTP APIs."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def door(self) -> Service:
        """Give what answers requests."""
        table: dict[str, Handler] = {
            "CreateApi": self.create,
            "ImportApi": self.load,
            "ReimportApi": self.reload,
            "GetApi": self.get,
            "GetApis": self.every,
            "UpdateApi": self.update,
            "DeleteApi": self.delete,
            "DeleteCorsConfiguration": self.drop_cors,
            "CreateStage": self.create_stage,
            "GetStage": self.get_stage,
            "GetStages": self.list_stages,
            "UpdateStage": self.update_stage,
            "DeleteStage": self.delete_stage,
            "CreateDeployment": self.create_deployment,
            "GetDeployment": self.get_deployment,
            "GetDeployments": self.list_deployments,
            "DeleteDeployment": self.delete_deployment,
            "GetTags": self.tags,
            "TagResource": self.tag,
            "UntagResource": self.untag,
        }
        for name in PARTS:
            table |= self._part(name)
        return ModelService("apigatewayv2", table, protocol="rest-json")

    # APIs ---------------------------------------------------------------------------------------

    async def create(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        """CreateApi, also in its quick form: with a target."""
        if params["ProtocolType"] != "HTTP":
            raise AwsError("BadRequestException", _NOT_HERE)
        value = self._fresh(params)
        value["tags"] = dict(params.get("Tags") or {})
        if params.get("Target"):
            self._quick(value, params)
        id = self._store.fresh()
        await self._store.add(asked.account, id, value)
        return self._shown(asked, id, value)

    def _fresh(self, params: Params) -> Values:
        value: Values = {name: params[name] for name in _API if params.get(name) is not None}
        return value | {
            "created": self._clock.now(),
            "tags": {},
            "routes": {},
            "integrations": {},
            "authorizers": {},
            "stages": {},
        }

    def _quick(self, value: Values, params: Params) -> None:
        """One integration, one route, and a stage that deploys itself."""
        target = str(params["Target"])
        proxy = "AWS_PROXY" if target.startswith("arn:") else "HTTP_PROXY"
        integration = self._store.fresh()
        version = {"PayloadFormatVersion": "2.0"} if proxy == "AWS_PROXY" else {}
        value["integrations"][integration] = http_checks.integration(
            {"IntegrationType": proxy, "IntegrationUri": target, **version}, value
        )
        route = {
            "RouteKey": params.get("RouteKey") or "$default",
            "Target": f"integrations/{integration}",
        }
        value["routes"][self._store.fresh()] = http_checks.route(route, value)
        value["stages"]["$default"] = self._stage({"AutoDeploy": True})

    async def load(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        """ImportApi."""
        value = self._fresh({})
        value |= read_document(str(params["Body"]), fresh=self._store.fresh)
        id = self._store.fresh()
        await self._store.add(asked.account, id, value)
        return self._shown(asked, id, value)

    async def reload(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        """ReimportApi: routes, integrations and authorizers are replaced, stages stay."""
        fact, value = self._open(asked, params)
        kept = {name: value[name] for name in ("created", "tags", "stages", "owner")}
        found = self._fresh({}) | read_document(str(params["Body"]), fresh=self._store.fresh)
        value = found | kept | {"tags": {**found["tags"], **kept["tags"]}}
        await self._save(asked, fact, value)
        return self._shown(asked, fact.key, value)

    async def get(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        fact = self._store.find(asked.account, params["ApiId"])
        return self._shown(asked, fact.key, fact.value)

    async def every(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        found = [self._shown(asked, f.key, f.value) for f in self._store.all(asked.account)]
        return _page(found, params)

    async def update(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        fact, value = self._open(asked, params)
        value |= {name: params[name] for name in _API if params.get(name) is not None}
        if params.get("Target"):
            self._retarget(value, str(params["Target"]))
        await self._save(asked, fact, value)
        return self._shown(asked, fact.key, value)

    def _retarget(self, value: Values, target: str) -> None:
        if len(value["integrations"]) != 1:
            raise AwsError("BadRequestException", "Target is for APIs made in the quick form")
        next(iter(value["integrations"].values()))["IntegrationUri"] = target

    async def delete(self, asked: AwsAsked, params: Params) -> None:
        await self._store.drop(asked.account, params["ApiId"])

    async def drop_cors(self, asked: AwsAsked, params: Params) -> None:
        fact, value = self._open(asked, params)
        value.pop("CorsConfiguration", None)
        await self._save(asked, fact, value)

    # Routes, integrations, authorizers -----------------------------------------------------------

    def _part(self, name: str) -> dict[str, Handler]:
        """Give the five operations about one sort of parts."""
        where, id_name = PARTS[name], f"{name}Id"
        check: Callable[[Params, Values], Values] = getattr(http_checks, name.lower())

        async def create(asked: AwsAsked, params: Params) -> Mapping[str, Any]:
            fact, value = self._open(asked, params)
            if len(value[where]) >= PARTS_MAX:
                raise AwsError("TooManyRequestsException", f"Limit of {PARTS_MAX} exceeded", 429)
            id = self._store.fresh()
            value[where][id] = check(_own(params), value)
            await self._save(asked, fact, value)
            return {**value[where][id], id_name: id}

        async def get(asked: AwsAsked, params: Params) -> Mapping[str, Any]:
            _, value = self._open(asked, params)
            return {**_found(value[where], params[id_name], name), id_name: params[id_name]}

        async def every(asked: AwsAsked, params: Params) -> Mapping[str, Any]:
            _, value = self._open(asked, params)
            return _page([{**one, id_name: id} for id, one in value[where].items()], params)

        async def update(asked: AwsAsked, params: Params) -> Mapping[str, Any]:
            fact, value = self._open(asked, params)
            id = params[id_name]
            old = _found(value[where], id, name)
            del value[where][id]
            value[where][id] = check({**old, **_own(params, id_name)}, value)
            await self._save(asked, fact, value)
            return {**value[where][id], id_name: id}

        async def delete(asked: AwsAsked, params: Params) -> None:
            fact, value = self._open(asked, params)
            _found(value[where], params[id_name], name)
            del value[where][params[id_name]]
            http_checks.unused(name, params[id_name], value)
            await self._save(asked, fact, value)

        return {
            f"Create{name}": create,
            f"Get{name}": get,
            f"Get{name}s": every,
            f"Update{name}": update,
            f"Delete{name}": delete,
        }

    # Stages -------------------------------------------------------------------------------------

    def _stage(self, params: Params) -> Values:
        now = self._clock.now()
        return {
            "AutoDeploy": bool(params.get("AutoDeploy")),
            "DeploymentId": params.get("DeploymentId"),
            "Description": params.get("Description"),
            "StageVariables": dict(params.get("StageVariables") or {}),
            "DefaultRouteSettings": params.get("DefaultRouteSettings")
            or {"DetailedMetricsEnabled": False},
            "RouteSettings": params.get("RouteSettings") or {},
            "CreatedDate": now,
            "LastUpdatedDate": now,
            "Tags": dict(params.get("Tags") or {}),
        }

    async def create_stage(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        fact, value = self._open(asked, params)
        name = params["StageName"]
        http_checks.stage_name(name)
        if name in value["stages"]:
            raise AwsError("ConflictException", "Stage already exists", 409)
        if params.get("DeploymentId"):
            self._store.deployment(asked.account, fact.key, params["DeploymentId"])
        value["stages"][name] = self._stage(params)
        await self._save(asked, fact, value)
        return _stage_shown(name, value["stages"][name])

    async def get_stage(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        _, value = self._open(asked, params)
        name = params["StageName"]
        return _stage_shown(name, _found(value["stages"], name, "Stage"))

    async def list_stages(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        _, value = self._open(asked, params)
        return _page([_stage_shown(n, stage) for n, stage in value["stages"].items()], params)

    async def update_stage(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        fact, value = self._open(asked, params)
        name = params["StageName"]
        stage = _found(value["stages"], name, "Stage")
        changes = {key: part for key, part in _own(params, "StageName").items() if part is not None}
        if changes.get("DeploymentId"):
            self._store.deployment(asked.account, fact.key, changes["DeploymentId"])
        stage |= changes | {"LastUpdatedDate": self._clock.now()}
        await self._save(asked, fact, value)
        return _stage_shown(name, stage)

    async def delete_stage(self, asked: AwsAsked, params: Params) -> None:
        fact, value = self._open(asked, params)
        _found(value["stages"], params["StageName"], "Stage")
        del value["stages"][params["StageName"]]
        await self._save(asked, fact, value)

    # Deployments --------------------------------------------------------------------------------

    async def create_deployment(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        fact, value = self._open(asked, params)
        id = self._store.fresh()
        copied = {name: copy.deepcopy(value[name]) for name in PARTS.values()}
        deployment = copied | {
            "created": self._clock.now(),
            "description": params.get("Description"),
        }
        stage = params.get("StageName")
        if stage:
            _found(value["stages"], stage, "Stage")["DeploymentId"] = id
        used = [str(one.get("DeploymentId")) for one in value["stages"].values()]
        old = self._store.old_deployments(asked.account, fact.key, used)
        put = self._store.put_deployment(fact.key, id, deployment)
        await self._save(asked, fact, value, put, *old)
        return _deployment_shown(id, deployment)

    async def get_deployment(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        fact = self._store.deployment(asked.account, params["ApiId"], params["DeploymentId"])
        return _deployment_shown(params["DeploymentId"], fact.value)

    async def list_deployments(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        found = [
            _deployment_shown(fact.key.rpartition("/")[2], fact.value)
            for fact in self._store.deployments(asked.account, params["ApiId"])
        ]
        return _page(found, params)

    async def delete_deployment(self, asked: AwsAsked, params: Params) -> None:
        fact, value = self._open(asked, params)
        id = params["DeploymentId"]
        self._store.deployment(asked.account, fact.key, id)
        if any(stage.get("DeploymentId") == id for stage in value["stages"].values()):
            raise AwsError("ConflictException", "Active stages point to this deployment", 409)
        await self._save(asked, fact, value, self._store.drop_deployment(fact.key, id))

    # Tags ---------------------------------------------------------------------------------------

    async def tags(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        _, _, tags = self._tagged(asked, params)
        return {"Tags": dict(tags)}

    async def tag(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        fact, value, tags = self._tagged(asked, params)
        tags |= params.get("Tags") or {}
        await self._save(asked, fact, value)
        return {}

    async def untag(self, asked: AwsAsked, params: Params) -> None:
        fact, value, tags = self._tagged(asked, params)
        for key in params.get("TagKeys") or []:
            tags.pop(key, None)
        await self._save(asked, fact, value)

    def _tagged(self, asked: AwsAsked, params: Params) -> tuple[Fact, Values, Values]:
        """Find what an ARN names: an API, or a stage of it."""
        parts = str(params["ResourceArn"]).rpartition("::")[2].strip("/").split("/")
        if len(parts) < 2 or parts[0] != "apis":
            raise AwsError("NotFoundException", "Invalid resource ARN", 404)
        fact, value = self._open(asked, {"ApiId": parts[1]})
        if len(parts) >= 4 and parts[2] == "stages":
            return fact, value, _found(value["stages"], parts[3], "Stage")["Tags"]
        return fact, value, value["tags"]

    # --------------------------------------------------------------------------------------------

    def _open(self, asked: AwsAsked, params: Params) -> tuple[Fact, Values]:
        """Find an API, and a copy of it that can be changed."""
        fact = self._store.find(asked.account, params["ApiId"])
        return fact, copy.deepcopy(dict(fact.value))

    async def _save(self, asked: AwsAsked, fact: Fact, value: Values, *more: Step) -> None:
        await self._store.change(asked.account, fact, value, *more)

    def _shown(self, asked: AwsAsked, id: str, value: Mapping[str, Any]) -> dict[str, Any]:
        shown = {name: value[name] for name in _API if name in value}
        return {
            "ApiKeySelectionExpression": "$request.header.x-api-key",
            "RouteSelectionExpression": "$request.method $request.path",
            "DisableExecuteApiEndpoint": False,
            "IpAddressType": "ipv4",
            **shown,
            "ApiId": id,
            "ApiEndpoint": endpoint_of(asked, id),
            "ApiGatewayManaged": False,
            "CreatedDate": value["created"],
            "ProtocolType": "HTTP",
            "Tags": value["tags"],
            "ImportInfo": value.get("import_info"),
            "Warnings": value.get("warnings"),
        }


def _own(params: Params, *but: str) -> Values:
    return {name: value for name, value in params.items() if name not in ("ApiId", *but)}


def _found(parts: Mapping[str, Any], id: str, what: str) -> Values:
    if id not in parts:
        raise AwsError("NotFoundException", f"Invalid {what} identifier specified", 404)
    found: Values = parts[id]
    return found


def _stage_shown(name: str, stage: Mapping[str, Any]) -> Values:
    return {"StageName": name, "ApiGatewayManaged": False, **stage}


def _deployment_shown(id: str, value: Mapping[str, Any]) -> Values:
    return {
        "DeploymentId": id,
        "CreatedDate": value["created"],
        "DeploymentStatus": "DEPLOYED",
        "Description": value.get("description"),
        "AutoDeployed": False,
    }


def _page(found: list[Any], params: Params) -> Mapping[str, Any]:
    """Give the page that a token leads to."""
    said, size = str(params.get("NextToken") or "0"), str(params.get("MaxResults") or PAGE_MAX)
    if not (said.isdecimal() and size.isdecimal() and len(said + size) < 18):
        raise AwsError("BadRequestException", "NextToken or MaxResults is not valid")
    start, end = int(said), int(said) + max(1, int(size))
    return {"Items": found[start:end], "NextToken": str(end) if end < len(found) else None}
