"""The control API of REST APIs: authorizers, models, validators and gateway responses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tapwater_server.clouds.aws.apigateway import bodies
from tapwater_server.clouds.aws.apigateway import rest_records as records
from tapwater_server.clouds.aws.apigateway.gateway_responses import RESPONSES
from tapwater_server.clouds.aws.apigateway.patching import patch
from tapwater_server.clouds.aws.apigateway.rest_control import RestControl
from tapwater_server.clouds.aws.apigateway.rest_showing import page
from tapwater_server.clouds.aws.apigateway.store import Values
from tapwater_server.clouds.aws.asked import AwsAsked, AwsError
from tapwater_server.clouds.aws.protocol.service import Handler

Params = Mapping[str, Any]
PIECES_MAX = 100  # Of one sort, of an API.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sort:
    """One sort of pieces. ``by_name``: operations name them by that and not by an id."""

    name: str  # "Authorizer"
    where: str  # "authorizers"
    param: str  # "authorizerId"
    check: Callable[[Params], Values]
    by_name: bool = False


def _model(params: Params) -> Values:
    if not bodies.readable(str(params.get("schema") or "{}")):
        raise records.bad("Invalid model specified: its schema is no JSON schema of draft 4")
    kept = ("name", "description", "schema", "contentType")
    return {name: params[name] for name in kept if params.get(name) is not None}


def _validator(params: Params) -> Values:
    return {
        "name": params.get("name"),
        "validateRequestBody": bool(params.get("validateRequestBody")),
        "validateRequestParameters": bool(params.get("validateRequestParameters")),
    }


_SORTS = (
    _Sort(
        name="Authorizer",
        where="authorizers",
        param="authorizerId",
        check=records.authorizer,
    ),
    _Sort(name="Model", where="models", param="modelName", check=_model, by_name=True),
    _Sort(
        name="RequestValidator",
        where="validators",
        param="requestValidatorId",
        check=_validator,
    ),
)


class RestPieces:
    """Makes and changes the smaller parts of REST APIs."""

    def __init__(self, control: RestControl) -> None:
        self._control = control

    def table(self) -> dict[str, Handler]:
        """Give the operations that are answered here."""
        found: dict[str, Handler] = {
            "PutGatewayResponse": self.put_response,
            "GetGatewayResponse": self.get_response,
            "GetGatewayResponses": self.responses,
            "DeleteGatewayResponse": self.delete_response,
        }
        for sort in _SORTS:
            found |= self._operations(sort)
        return found

    def _operations(self, sort: _Sort) -> dict[str, Handler]:
        control = self._control

        async def create(asked: AwsAsked, params: Params) -> Mapping[str, Any]:
            fact, value = control.open(asked, params)
            if len(value[sort.where]) >= PIECES_MAX:
                raise AwsError("LimitExceededException", f"Limit of {PIECES_MAX} exceeded", 429)
            id = str(params["name"]) if sort.by_name else control.store.fresh()
            if id in value[sort.where]:
                raise AwsError("ConflictException", f"{sort.name} {id} already exists", 409)
            value[sort.where][id] = sort.check(params)
            await control.save(asked, fact, value)
            return {**value[sort.where][id], "id": id}

        async def get(asked: AwsAsked, params: Params) -> Mapping[str, Any]:
            _, value = control.open(asked, params)
            return {**_piece(value, sort, params), "id": params[sort.param]}

        async def every(asked: AwsAsked, params: Params) -> Mapping[str, Any]:
            _, value = control.open(asked, params)
            return page([{**one, "id": id} for id, one in value[sort.where].items()], params)

        async def update(asked: AwsAsked, params: Params) -> Mapping[str, Any]:
            fact, value = control.open(asked, params)
            one = _piece(value, sort, params)
            operations = params.get("patchOperations") or []
            patch(one, operations, allowed=frozenset({*one, "identityValidationExpression"}))
            value[sort.where][params[sort.param]] = sort.check(one)
            await control.save(asked, fact, value)
            return {**value[sort.where][params[sort.param]], "id": params[sort.param]}

        async def delete(asked: AwsAsked, params: Params) -> None:
            fact, value = control.open(asked, params)
            _piece(value, sort, params)
            _check_unused(value, sort, params[sort.param])
            del value[sort.where][params[sort.param]]
            await control.save(asked, fact, value)

        return {
            f"Create{sort.name}": create,
            f"Get{sort.name}": get,
            f"Get{sort.name}s": every,
            f"Update{sort.name}": update,
            f"Delete{sort.name}": delete,
        }

    async def put_response(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        fact, value = self._control.open(asked, params)
        kind = _kind(params)
        kept = ("statusCode", "responseParameters", "responseTemplates")
        found = {name: params[name] for name in kept if params.get(name) is not None}
        value["gatewayResponses"][kind] = found
        await self._control.save(asked, fact, value)
        return _response(kind, found)

    async def get_response(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        _, value = self._control.open(asked, params)
        kind = _kind(params)
        return _response(kind, value["gatewayResponses"].get(kind))

    async def responses(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        _, value = self._control.open(asked, params)
        known = value["gatewayResponses"]
        return page([_response(kind, known.get(kind)) for kind in sorted(RESPONSES)], params)

    async def delete_response(self, asked: AwsAsked, params: Params) -> None:
        fact, value = self._control.open(asked, params)
        if value["gatewayResponses"].pop(_kind(params), None) is None:
            raise AwsError("NotFoundException", "Gateway response type not defined on api", 404)
        await self._control.save(asked, fact, value)


def _kind(params: Params) -> str:
    kind = str(params["responseType"])
    if kind not in RESPONSES:
        raise records.bad(f"Invalid gateway response type {kind}")
    return kind


def _response(kind: str, own: Values | None) -> Values:
    status = RESPONSES[kind][0]
    return {
        "responseType": kind,
        "defaultResponse": own is None,
        "statusCode": str(status) if status else None,
        "responseParameters": {},
        "responseTemplates": {"application/json": '{"message":$context.error.messageString}'},
        **(own or {}),
    }


def _piece(value: Values, sort: _Sort, params: Params) -> Values:
    found: Values | None = value[sort.where].get(params[sort.param])
    if found is None:
        raise records.missing(sort.name)
    return found


def _check_unused(value: Values, sort: _Sort, id: str) -> None:
    for resource in value["resources"].values():
        for about in resource["methods"].values():
            if about.get(sort.param) == id:
                message = f"Cannot delete {sort.name} {id}: it is used by {resource['path']}"
                raise AwsError("ConflictException", message, 409)
