"""Services asked from inside, exactly as their clients ask them: by botocore's models, no socket.

What one service does with another (CloudFormation with all of them) goes through the doors that
boto3 uses, so there is nothing that only we could do.
"""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from hashlib import md5
from typing import Any
from urllib.parse import parse_qsl

from tapwater_server.clouds.aws.account import Caller
from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked, AwsError, Service
from tapwater_server.clouds.aws.inside.coercing import coerced
from tapwater_server.clouds.aws.shapes.unique import as_uuid
from tapwater_server.ports.ids import IdSource

Permits = Callable[[AwsAsked], Awaitable[None]]
INSIDE = "inside"  # What stands for the client's address.
ANSWER_BYTES_MAX = 8 << 20


@dataclass(frozen=True, slots=True)
class _Model:
    service: Any  # botocore's, which has no types
    serializer: Any
    parser: Any


class Inside:
    """Asks services on behalf of somebody, who must be allowed to do it.

    ``services``: by the scopes of signatures; ``permits`` refuses what policies do not allow.
    """

    def __init__(self, *, services: Mapping[str, Service], permits: Permits, ids: IdSource) -> None:
        self._services, self._permits, self._ids = services, permits, ids
        self._models: dict[str, _Model] = {}
        self._loading = asyncio.Lock()

    async def call(
        self,
        who: Caller,
        service: str,
        operation: str,
        given: Mapping[str, Any],
        *,
        host: str = "localhost",
    ) -> Mapping[str, Any]:
        """Do an operation for somebody, with the names of boto3's parameters and answers.
        ``host``: as those outside call us; it is part of addresses that are given out.

        Raises:
            AwsError: as the service refuses it, because the parameters are not its, or because
                who asks may not do it.
        """
        door = self._services.get(service)
        if door is None:
            raise AwsError("NotImplemented", f"The service {service!r} is not available here.", 501)
        model = await self._model(service)
        wanted = model.service.operation_model(operation)
        params = coerced(wanted.input_shape, given, f"{service}:{operation}")
        request = model.serializer.serialize_to_request(params, wanted)
        asked = self._asked(who, service, request, wanted, host)
        await self._permits(asked)
        answer = await door.answer(asked)
        body = await _whole(answer)
        return _parsed(model, wanted, answer, body)

    async def _model(self, service: str) -> _Model:
        async with self._loading:
            if service not in self._models:
                self._models[service] = await asyncio.to_thread(_load, service)
        return self._models[service]

    def _asked(
        self, who: Caller, service: str, request: Mapping[str, Any], wanted: Any, host: str
    ) -> AwsAsked:
        body = request["body"]
        form = isinstance(body, dict)
        whole = _form(body) if form else body.encode() if isinstance(body, str) else body
        headers = {name.lower(): str(value) for name, value in request["headers"].items()}
        if form:
            headers["content-type"] = "application/x-www-form-urlencoded; charset=utf-8"
        if wanted.http_checksum_required or wanted.http_checksum.get("requestChecksumRequired"):
            headers["content-md5"] = b64encode(md5(whole, usedforsecurity=False).digest()).decode()
        headers |= {"content-length": str(len(whole)), "host": host}
        path, query = _address(request)

        async def chunks() -> AsyncIterator[bytes]:
            yield whole

        return AwsAsked(
            caller=who,
            service=service,
            id=as_uuid(self._ids.fresh()),
            method=request["method"],
            path=path,
            query=query,
            headers=headers,
            body=chunks,
            whole=whole,
            host=host,
            size=len(whole),
            client=INSIDE,
        )


def _load(service: str) -> _Model:
    """Read a model; a megabyte of JSON, so not on the loop."""
    from botocore.loaders import Loader
    from botocore.model import ServiceModel
    from botocore.parsers import create_parser
    from botocore.serialize import create_serializer

    found = ServiceModel(Loader().load_service_model(service, "service-2"), service)
    protocol = found.metadata["protocol"]
    serializer = create_serializer(protocol, include_validation=False)
    return _Model(found, serializer, create_parser(protocol))


def _address(request: Mapping[str, Any]) -> tuple[str, list[tuple[str, str]]]:
    path, _, fixed = str(request["url_path"]).partition("?")
    query = parse_qsl(fixed, keep_blank_values=True)
    said = request["query_string"]
    for name, value in said.items() if isinstance(said, dict) else parse_qsl(said):
        values = value if isinstance(value, list) else [value]
        query += [(name, str(one)) for one in values]
    return path, query


def _form(fields: Mapping[str, Any]) -> bytes:
    from urllib.parse import urlencode

    return urlencode({name: _text(value) for name, value in fields.items()}).encode()


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


async def _whole(answer: AwsAnswer) -> bytes:
    """Read an answer to its end.

    Raises:
        AwsError: it is too large.
    """
    if answer.chunks is None:
        return answer.body
    parts = bytearray()
    async for part in answer.chunks:
        parts += part
        if len(parts) > ANSWER_BYTES_MAX:
            raise AwsError("EntityTooLarge", f"more than {ANSWER_BYTES_MAX} bytes")
    return bytes(parts)


def _parsed(model: _Model, wanted: Any, answer: AwsAnswer, body: bytes) -> Mapping[str, Any]:
    from botocore.awsrequest import HeadersDict

    # Of what streams the parser leaves the body alone, unless it is plain bytes.
    streams = wanted.has_streaming_output and answer.status < 300
    said = {
        "status_code": answer.status,
        "headers": HeadersDict(dict(answer.headers)),
        "body": bytearray(body) if streams else body,
        "context": {"operation_name": wanted.name},
    }
    found: dict[str, Any] = model.parser.parse(said, wanted.output_shape)
    if answer.status >= 300:
        error = found.get("Error", {})
        raise AwsError(
            str(error.get("Code", "InternalFailure")), str(error.get("Message", "")), answer.status
        )
    found.pop("ResponseMetadata", None)
    return found
