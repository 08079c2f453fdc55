"""The control API of REST APIs: the APIs, their resources and methods."""

import copy
from collections.abc import Mapping
from typing import Any

from tapwater_server.clouds.aws.apigateway import rest_records as records
from tapwater_server.clouds.aws.apigateway.patching import patch
from tapwater_server.clouds.aws.apigateway.rest_import import read_into
from tapwater_server.clouds.aws.apigateway.rest_showing import (
    api_shape,
    method_shape,
    page,
    resource_shape,
)
from tapwater_server.clouds.aws.apigateway.store import Store, Values
from tapwater_server.clouds.aws.asked import AwsAsked, AwsError
from tapwater_server.clouds.aws.protocol.service import Handler
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.facts import Fact, Step

Params = Mapping[str, Any]
_PATCHED = frozenset(
    {
        *("name", "description", "apiKeySource", "policy", "minimumCompressionSize"),
        *("disableExecuteApiEndpoint", "binaryMediaTypes", "endpointConfiguration", "version"),
    }
)


class RestControl:
    """Makes and changes REST APIs."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self.store, self.clock = store, clock

    def table(self) -> dict[str, Handler]:
        """Give the operations that are answered here."""
        return {
            "CreateRestApi": self.create,
            "ImportRestApi": self.load,
            "PutRestApi": self.put,
            "GetRestApi": self.get,
            "GetRestApis": self.every,
            "UpdateRestApi": self.update,
            "DeleteRestApi": self.delete,
            "GetResources": self.resources,
            "GetResource": self.resource,
            "CreateResource": self.create_resource,
            "DeleteResource": self.delete_resource,
            "PutMethod": self.put_method,
            "GetMethod": self.get_method,
            "UpdateMethod": self.update_method,
            "DeleteMethod": self.delete_method,
            "PutMethodResponse": self.put_method_response,
            "GetMethodResponse": self.get_method_response,
            "DeleteMethodResponse": self.delete_method_response,
            "PutIntegration": self.put_integration,
            "GetIntegration": self.get_integration,
            "DeleteIntegration": self.delete_integration,
            "PutIntegrationResponse": self.put_integration_response,
            "GetIntegrationResponse": self.get_integration_response,
            "DeleteIntegrationResponse": self.delete_integration_response,
        }

    # APIs ---------------------------------------------------------------------------------------

    async def create(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        if params.get("cloneFrom"):
            raise AwsError("NotImplemented", "cloneFrom is not available here.", 501)
        value = records.fresh_api(params, now=self.clock.now(), root=self.store.fresh())
        id = self.store.fresh()
        await self.store.add(asked.account, id, value)
        return api_shape(id, value)

    async def load(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        """ImportRestApi."""
        value = records.fresh_api({}, now=self.clock.now(), root=self.store.fresh())
        read_into(value, params["body"], fresh=self.store.fresh, said=params.get("parameters"))
        id = self.store.fresh()
        await self.store.add(asked.account, id, value)
        return api_shape(id, value)

    async def put(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        """PutRestApi: the document takes the place of what there is, or is merged into it."""
        fact, value = self.open(asked, params)
        if params.get("mode") != "merge":
            empty = records.fresh_api({}, now=0, root=value["root"])
            parts = ("resources", "authorizers", "models", "validators", "gatewayResponses")
            value |= {name: empty[name] for name in parts}
        read_into(value, params["body"], fresh=self.store.fresh, said=params.get("parameters"))
        await self.save(asked, fact, value)
        return api_shape(fact.key, value)

    async def get(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        fact = self.store.find(asked.account, params["restApiId"])
        return api_shape(fact.key, fact.value)

    async def every(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        found = [api_shape(fact.key, fact.value) for fact in self.store.all(asked.account)]
        return page(found, params)

    async def update(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        fact, value = self.open(asked, params)
        patch(
            value,
            params.get("patchOperations") or [],
            allowed=_PATCHED,
            lists=frozenset({"binaryMediaTypes"}),
        )
        await self.save(asked, fact, value)
        return api_shape(fact.key, value)

    async def delete(self, asked: AwsAsked, params: Params) -> None:
        await self.store.drop(asked.account, params["restApiId"])

    # Resources ----------------------------------------------------------------------------------

    async def resources(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        fact = self.store.find(asked.account, params["restApiId"])
        whole = "methods" in (params.get("embed") or [])
        found = [
            resource_shape(id, one, whole=whole) for id, one in fact.value["resources"].items()
        ]
        return page(found, params)

    async def resource(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        fact = self.store.find(asked.account, params["restApiId"])
        found = fact.value["resources"].get(params["resourceId"])
        if found is None:
            raise records.missing("Resource")
        whole = "methods" in (params.get("embed") or [])
        return resource_shape(params["resourceId"], found, whole=whole)

    async def create_resource(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        fact, value = self.open(asked, params)
        id = records.add_resource(value, params["parentId"], params["pathPart"], self.store.fresh)
        await self.save(asked, fact, value)
        return resource_shape(id, value["resources"][id])

    async def delete_resource(self, asked: AwsAsked, params: Params) -> None:
        fact, value = self.open(asked, params)
        records.drop_resource(value, params["resourceId"])
        await self.save(asked, fact, value)

    # Methods ------------------------------------------------------------------------------------

    async def put_method(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        fact, value = self.open(asked, params)
        resource, verb = self._resource(value, params), str(params["httpMethod"]).upper()
        if verb not in records.METHODS:
            raise records.bad("Invalid HttpMethod specified.")
        if verb in resource["methods"]:
            raise AwsError("ConflictException", "Method already exists for this resource", 409)
        resource["methods"][verb] = records.method(params, value)
        await self.save(asked, fact, value)
        return method_shape(verb, resource["methods"][verb])

    async def get_method(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        _, value = self.open(asked, params)
        return method_shape(str(params["httpMethod"]).upper(), self._method(value, params))

    async def update_method(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        fact, value = self.open(asked, params)
        about = self._method(value, params)
        allowed = frozenset(
            {
                *("authorizationType", "authorizerId", "apiKeyRequired", "operationName"),
                *("requestValidatorId", "requestParameters", "requestModels"),
            }
        )
        patch(about, params.get("patchOperations") or [], allowed=allowed)
        about |= {
            name: part
            for name, part in records.method(about, value).items()
            if name != "methodResponses"
        }
        await self.save(asked, fact, value)
        return method_shape(str(params["httpMethod"]).upper(), about)

    async def delete_method(self, asked: AwsAsked, params: Params) -> None:
        fact, value = self.open(asked, params)
        self._method(value, params)
        del self._resource(value, params)["methods"][str(params["httpMethod"]).upper()]
        await self.save(asked, fact, value)

    async def put_method_response(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        fact, value = self.open(asked, params)
        found = _some(params, "statusCode", "responseParameters", "responseModels")
        self._method(value, params)["methodResponses"][params["statusCode"]] = found
        await self.save(asked, fact, value)
        return found

    async def get_method_response(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        _, value = self.open(asked, params)
        return _of(self._method(value, params)["methodResponses"], params["statusCode"])

    async def delete_method_response(self, asked: AwsAsked, params: Params) -> None:
        fact, value = self.open(asked, params)
        self._method(value, params)["methodResponses"].pop(params["statusCode"], None)
        await self.save(asked, fact, value)

    # Integrations -------------------------------------------------------------------------------

    async def put_integration(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        fact, value = self.open(asked, params)
        given = {name: part for name, part in params.items() if name != "httpMethod"}
        integration = records.integration({"cacheNamespace": params["resourceId"], **given})
        self._method(value, params)["methodIntegration"] = integration
        await self.save(asked, fact, value)
        return integration

    async def get_integration(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        _, value = self.open(asked, params)
        return self._integration(value, params)

    async def delete_integration(self, asked: AwsAsked, params: Params) -> None:
        fact, value = self.open(asked, params)
        self._integration(value, params)
        del self._method(value, params)["methodIntegration"]
        await self.save(asked, fact, value)

    async def put_integration_response(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        fact, value = self.open(asked, params)
        names = ("selectionPattern", "responseParameters", "responseTemplates", "contentHandling")
        found = _some(params, "statusCode", *names)
        integration = self._integration(value, params)
        integration["integrationResponses"][params["statusCode"]] = found
        await self.save(asked, fact, value)
        return found

    async def get_integration_response(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        _, value = self.open(asked, params)
        found = self._integration(value, params)["integrationResponses"]
        return _of(found, params["statusCode"])

    async def delete_integration_response(self, asked: AwsAsked, params: Params) -> None:
        fact, value = self.open(asked, params)
        found = self._integration(value, params)["integrationResponses"]
        found.pop(params["statusCode"], None)
        await self.save(asked, fact, value)

    # --------------------------------------------------------------------------------------------

    def open(self, asked: AwsAsked, params: Params) -> tuple[Fact, Values]:
        """Find an API, and a copy of it that can be changed."""
        fact = self.store.find(asked.account, params["restApiId"])
        return fact, copy.deepcopy(dict(fact.value))

    async def save(self, asked: AwsAsked, fact: Fact, value: Values, *more: Step) -> None:
        await self.store.change(asked.account, fact, value, *more)

    def _resource(self, value: Values, params: Params) -> Values:
        found: Values | None = value["resources"].get(params["resourceId"])
        if found is None:
            raise records.missing("Resource")
        return found

    def _method(self, value: Values, params: Params) -> Values:
        verb = str(params["httpMethod"]).upper()
        found: Values | None = self._resource(value, params)["methods"].get(verb)
        if found is None:
            raise records.missing("Method")
        return found

    def _integration(self, value: Values, params: Params) -> Values:
        found: Values | None = self._method(value, params).get("methodIntegration")
        if found is None:
            raise records.missing("Integration")
        return found


def _some(params: Params, *names: str) -> Values:
    return {name: params[name] for name in names if params.get(name) is not None}


def _of(parts: Mapping[str, Any], name: str) -> Values:
    if name not in parts:
        raise records.missing("Response status code")
    found: Values = parts[name]
    return found
