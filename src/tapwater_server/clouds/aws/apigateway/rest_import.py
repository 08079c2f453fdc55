"""REST APIs out of OpenAPI documents (2 and 3). Pure."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from tapwater_server.clouds.aws.apigateway import bodies, documents
from tapwater_server.clouds.aws.apigateway import rest_records as records
from tapwater_server.clouds.aws.apigateway.documents import extension

Values = dict[str, Any]
_PARAMETERS = {"path": "path", "query": "querystring", "header": "header"}


def read_into(
    api: Values,
    body: str | bytes,
    *,
    fresh: Callable[[], str],
    said: Mapping[str, str] | None = None,
) -> None:
    """Read a document into an API. ``said``: parameters of the import.

    Raises:
        AwsError: it cannot be read, or has what is not available here.
    """
    document = documents.read(body)
    info = document.get("info") or {}
    api["name"] = str(info.get("title") or api.get("name") or "api")
    for name in ("version", "description"):
        if info.get(name):
            api[name] = str(info[name])
    _read_settings(api, document, said or {})
    named = _read_authorizers(api, document, fresh)
    validators = _read_validators(api, document, fresh)
    _read_models(api, document)
    base = _base_path(document, (said or {}).get("basepath", "ignore"))
    for path, method, operation in documents.operations(document):
        id = records.reach_path(api, base + path, fresh)
        about = _method(api, operation, document, named, validators)
        api["resources"][id]["methods"][method] = about
    for path in document.get("paths") or {}:
        records.reach_path(api, base + str(path), fresh)


def _read_settings(api: Values, document: Mapping[str, Any], said: Mapping[str, str]) -> None:
    media = extension(document, "binary-media-types")
    if media:
        api["binaryMediaTypes"] = [str(one) for one in media]
    source = extension(document, "api-key-source")
    if source:
        api["apiKeySource"] = str(source)
    policy = extension(document, "policy")
    if policy:
        api["policy"] = policy if isinstance(policy, str) else json.dumps(policy)
    for kind, about in (extension(document, "gateway-responses") or {}).items():
        kept = ("statusCode", "responseParameters", "responseTemplates")
        found = {name: about[name] for name in kept if about.get(name) is not None}
        if "statusCode" in found:
            found["statusCode"] = str(found["statusCode"])
        api["gatewayResponses"][str(kind)] = found
    types = said.get("endpointConfigurationTypes")
    if types:
        api["endpointConfiguration"] = {**api["endpointConfiguration"], "types": types.split(",")}


def _base_path(document: Mapping[str, Any], mode: str) -> str:
    base = str(document.get("basePath") or "").rstrip("/")
    if mode == "prepend":
        return base
    return f"/{base.split('/', 2)[2]}" if mode == "split" and base.count("/") > 1 else ""


def _read_authorizers(
    api: Values, document: Mapping[str, Any], fresh: Callable[[], str]
) -> Mapping[str, str]:
    named: dict[str, str] = {}
    for name, scheme in documents.schemes(document).items():
        said = extension(scheme, "authorizer")
        if not isinstance(said, dict):
            continue
        id = fresh()
        kind = str(said.get("type", "")).upper()
        source = said.get("identitySource")
        if kind == "TOKEN" and not source:
            source = f"method.request.header.{scheme.get('name', 'Authorization')}"
        given = {**said, "name": name, "type": kind, "identitySource": source}
        api["authorizers"][id] = records.authorizer(given)
        named[name] = id
    return named


def _read_validators(
    api: Values, document: Mapping[str, Any], fresh: Callable[[], str]
) -> Mapping[str, str]:
    named: dict[str, str] = {}
    for name, said in (extension(document, "request-validators") or {}).items():
        id = fresh()
        api["validators"][id] = {
            "name": str(name),
            "validateRequestBody": bool(said.get("validateRequestBody")),
            "validateRequestParameters": bool(said.get("validateRequestParameters")),
        }
        named[str(name)] = id
    return named


def _read_models(api: Values, document: Mapping[str, Any]) -> None:
    found = document.get("definitions") or (document.get("components") or {}).get("schemas") or {}
    for name, schema in found.items():
        text = json.dumps(schema)
        if not bodies.readable(text):
            raise records.bad(f"Invalid model specified: {name}")
        api["models"][str(name)] = {
            "name": str(name),
            "contentType": "application/json",
            "schema": text,
        }


def _body_models(operation: Mapping[str, Any]) -> dict[str, str]:
    """Say which models an operation's body has, by media types."""
    schemas = {
        str(media): about.get("schema")
        for media, about in ((operation.get("requestBody") or {}).get("content") or {}).items()
    }
    for one in operation.get("parameters") or []:
        if isinstance(one, dict) and one.get("in") == "body":
            schemas[str((operation.get("consumes") or ["application/json"])[0])] = one.get("schema")
    return {
        media: str(schema["$ref"]).rpartition("/")[2]
        for media, schema in schemas.items()
        if isinstance(schema, dict) and "$ref" in schema
    }


def _method(
    api: Values,
    operation: Mapping[str, Any],
    document: Mapping[str, Any],
    named: Mapping[str, str],
    validators: Mapping[str, str],
) -> Values:
    given: Values = {"authorizationType": "NONE"}
    if operation.get("operationId"):
        given["operationName"] = str(operation["operationId"])
    for name, scopes in documents.security_of(operation, document):
        given |= _secured(name, scopes, document, named)
    if (extension(operation, "auth") or {}).get("type") == "AWS_IAM":
        given["authorizationType"] = "AWS_IAM"
    chosen = extension(operation, "request-validator") or extension(document, "request-validator")
    if chosen in validators:
        given["requestValidatorId"] = validators[str(chosen)]
    given["requestParameters"] = _parameters(operation)
    given["requestModels"] = _body_models(operation)
    about = records.method(given, api)
    about["methodResponses"] = {
        str(status): {"statusCode": str(status)} for status in operation.get("responses") or {}
    }
    said = extension(operation, "integration")
    if isinstance(said, dict):
        about["methodIntegration"] = _integration(said)
    return about


def _secured(
    name: str, scopes: list[str], document: Mapping[str, Any], named: Mapping[str, str]
) -> Values:
    """Say what one security requirement means for a method."""
    scheme = documents.schemes(document).get(name) or {}
    if name in named:
        found: Values = {"authorizationType": "CUSTOM", "authorizerId": named[name]}
        return found | ({"authorizationScopes": scopes} if scopes else {})
    if extension(scheme, "authtype") == "awsSigv4":
        return {"authorizationType": "AWS_IAM"}
    if scheme.get("type") == "apiKey" and str(scheme.get("name")).lower() == "x-api-key":
        return {"apiKeyRequired": True}
    return {}


def _parameters(operation: Mapping[str, Any]) -> dict[str, bool]:
    return {
        f"method.request.{_PARAMETERS[str(one.get('in'))]}.{one.get('name')}": bool(
            one.get("required")
        )
        for one in operation.get("parameters") or []
        if isinstance(one, dict) and one.get("in") in _PARAMETERS
    }


def _integration(said: Mapping[str, Any]) -> Values:
    found = records.integration({**said, "type": str(said.get("type", "")).upper()})
    for pattern, answer in (said.get("responses") or {}).items():
        status = str(answer.get("statusCode", 200))
        one = {"statusCode": status}
        one |= {
            name: answer[name]
            for name in ("responseParameters", "responseTemplates", "contentHandling")
            if name in answer
        }
        if pattern != "default":
            one["selectionPattern"] = str(pattern)
        found["integrationResponses"][status] = one
    return found
