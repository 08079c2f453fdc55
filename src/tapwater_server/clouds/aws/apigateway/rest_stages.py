"""The control API of REST APIs: deployments, stages and tags."""

from collections.abc import Mapping
from typing import Any

from tapwater_server.clouds.aws.apigateway import rest_records as records
from tapwater_server.clouds.aws.apigateway.patching import patch
from tapwater_server.clouds.aws.apigateway.rest_control import RestControl
from tapwater_server.clouds.aws.apigateway.rest_showing import (
    deployment_shape,
    page,
    stage_shape,
)
from tapwater_server.clouds.aws.apigateway.store import Values
from tapwater_server.clouds.aws.asked import AwsAsked, AwsError
from tapwater_server.clouds.aws.protocol.service import Handler
from tapwater_server.ports.facts import Fact

Params = Mapping[str, Any]
_PATCHED = frozenset(
    {
        *("deploymentId", "description", "variables", "tracingEnabled", "accessLogSettings"),
        *("cacheClusterEnabled", "cacheClusterSize", "methodSettings", "*", "~1"),
    }
)


class RestStages:
    """Deploys REST APIs."""

    def __init__(self, control: RestControl) -> None:
        self._control, self._store, self._clock = control, control.store, control.clock

    def table(self) -> dict[str, Handler]:
        """Give the operations that are answered here."""
        return {
            "CreateDeployment": self.deploy,
            "GetDeployment": self.deployment,
            "GetDeployments": self.deployments,
            "UpdateDeployment": self.update_deployment,
            "DeleteDeployment": self.delete_deployment,
            "CreateStage": self.create,
            "GetStage": self.get,
            "GetStages": self.every,
            "UpdateStage": self.update,
            "DeleteStage": self.delete,
            "GetTags": self.tags,
            "TagResource": self.tag,
            "UntagResource": self.untag,
        }

    async def deploy(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        """CreateDeployment, and the stage that it names."""
        fact, value = self._control.open(asked, params)
        id = self._store.fresh()
        deployment = records.snapshot(value) | {
            "created": self._clock.now(),
            "description": params.get("description"),
        }
        name = params.get("stageName")
        if name:
            records.stage_name(name)
            stage = value["stages"].setdefault(name, self._fresh({}))
            stage |= {"deploymentId": id, "lastUpdatedDate": self._clock.now()}
            stage["variables"] = {**stage.get("variables", {}), **(params.get("variables") or {})}
            if params.get("stageDescription"):
                stage["description"] = params["stageDescription"]
        used = [str(stage.get("deploymentId")) for stage in value["stages"].values()]
        old = self._store.old_deployments(asked.account, fact.key, used)
        put = self._store.put_deployment(fact.key, id, deployment)
        await self._control.save(asked, fact, value, put, *old)
        return deployment_shape(id, deployment)

    async def deployment(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        id = params["deploymentId"]
        fact = self._store.deployment(asked.account, params["restApiId"], id)
        return deployment_shape(id, fact.value)

    async def deployments(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        fact = self._store.find(asked.account, params["restApiId"])
        found = [
            deployment_shape(one.key.rpartition("/")[2], one.value)
            for one in self._store.deployments(asked.account, fact.key)
        ]
        return page(found, params)

    async def update_deployment(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        fact, value = self._control.open(asked, params)
        id = params["deploymentId"]
        found = dict(self._store.deployment(asked.account, fact.key, id).value)
        operations = params.get("patchOperations") or []
        patch(found, operations, allowed=frozenset({"description"}))
        put = self._store.put_deployment(fact.key, id, found)
        await self._control.save(asked, fact, value, put)
        return deployment_shape(id, found)

    async def delete_deployment(self, asked: AwsAsked, params: Params) -> None:
        fact, value = self._control.open(asked, params)
        id = params["deploymentId"]
        self._store.deployment(asked.account, fact.key, id)
        if any(stage.get("deploymentId") == id for stage in value["stages"].values()):
            raise records.bad("Active stages pointing to this deployment must be moved or deleted")
        await self._control.save(asked, fact, value, self._store.drop_deployment(fact.key, id))

    def _fresh(self, params: Params) -> Values:
        now = self._clock.now()
        kept = ("deploymentId", "description", "documentationVersion", "canarySettings")
        if params.get("canarySettings"):
            raise AwsError("NotImplemented", "Canary releases of stages are not available.", 501)
        return {
            **{name: params[name] for name in kept if params.get(name) is not None},
            "variables": dict(params.get("variables") or {}),
            "tracingEnabled": bool(params.get("tracingEnabled")),
            "cacheClusterEnabled": False,
            "methodSettings": {},
            "tags": dict(params.get("tags") or {}),
            "createdDate": now,
            "lastUpdatedDate": now,
        }

    async def create(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        fact, value = self._control.open(asked, params)
        name = params["stageName"]
        records.stage_name(name)
        if name in value["stages"]:
            raise AwsError("ConflictException", "Stage already exists", 409)
        self._store.deployment(asked.account, fact.key, params["deploymentId"])
        value["stages"][name] = self._fresh(params)
        await self._control.save(asked, fact, value)
        return stage_shape(name, value["stages"][name])

    async def get(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        _, value = self._control.open(asked, params)
        return stage_shape(params["stageName"], _stage(value, params["stageName"]))

    async def every(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        _, value = self._control.open(asked, params)
        wanted = params.get("deploymentId")
        return {
            "item": [
                stage_shape(name, stage)
                for name, stage in value["stages"].items()
                if not wanted or stage.get("deploymentId") == wanted
            ]
        }

    async def update(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        fact, value = self._control.open(asked, params)
        stage = _stage(value, params["stageName"])
        operations = params.get("patchOperations") or []
        # Settings of methods ("/*/*/logging/loglevel") mean nothing here, and are kept as said.
        plain = [one for one in operations if not _of_method(str(one.get("path", "")))]
        patch(stage, plain, allowed=_PATCHED)
        stage["lastUpdatedDate"] = self._clock.now()
        if any(str(one.get("path")) == "/deploymentId" for one in plain):
            self._store.deployment(asked.account, fact.key, stage["deploymentId"])
        await self._control.save(asked, fact, value)
        return stage_shape(params["stageName"], stage)

    async def delete(self, asked: AwsAsked, params: Params) -> None:
        fact, value = self._control.open(asked, params)
        _stage(value, params["stageName"])
        del value["stages"][params["stageName"]]
        await self._control.save(asked, fact, value)

    # Tags ---------------------------------------------------------------------------------------

    async def tags(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        _, _, tags = self._tagged(asked, params)
        return {"tags": dict(tags)}

    async def tag(self, asked: AwsAsked, params: Params) -> None:
        fact, value, tags = self._tagged(asked, params)
        tags |= params.get("tags") or {}
        await self._control.save(asked, fact, value)

    async def untag(self, asked: AwsAsked, params: Params) -> None:
        fact, value, tags = self._tagged(asked, params)
        for key in params.get("tagKeys") or []:
            tags.pop(key, None)
        await self._control.save(asked, fact, value)

    def _tagged(self, asked: AwsAsked, params: Params) -> tuple[Fact, Values, Values]:
        parts = str(params["resourceArn"]).rpartition("::")[2].strip("/").split("/")
        if len(parts) < 2 or parts[0] != "restapis":
            raise records.missing("resource")
        fact, value = self._control.open(asked, {"restApiId": parts[1]})
        if len(parts) >= 4 and parts[2] == "stages":
            return fact, value, _stage(value, parts[3])["tags"]
        return fact, value, value["tags"]


def _of_method(path: str) -> bool:
    return path.count("/") >= 4 or path.startswith("/*")


def _stage(value: Values, name: str) -> Values:
    found: Values | None = value["stages"].get(name)
    if found is None:
        raise AwsError("NotFoundException", "Invalid stage identifier specified", 404)
    return found
