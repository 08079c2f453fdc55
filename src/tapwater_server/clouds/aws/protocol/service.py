"""A service made of a table: an operation's name and what answers it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked, AwsError
from tapwater_server.clouds.aws.protocol.models import Model, load_model
from tapwater_server.clouds.aws.protocol.reading import find_operation, read_params
from tapwater_server.clouds.aws.protocol.refusing import json_error, query_error
from tapwater_server.clouds.aws.protocol.writing import write_result

Params = Mapping[str, Any]
Given = Mapping[str, Any] | None
Protocol = Literal["query", "json", "rest-json"]
Handler = Callable[[AwsAsked, Params], Awaitable[Given]]


class ModelService:
    """Keeps ``Service``: reads by the model, asks the handler, writes by the model."""

    def __init__(self, model: str, handlers: Mapping[str, Handler], *, protocol: Protocol) -> None:
        self._name, self._handlers, self._protocol = model, handlers, protocol
        self._model: Model | None = None
        self._loading = asyncio.Lock()

    @property
    def operations(self) -> frozenset[str]:
        """Name what it answers; all else is refused."""
        return frozenset(self._handlers)

    async def answer(self, asked: AwsAsked) -> AwsAnswer:
        model = await self._load()
        body = await asked.raw()
        operation, labels = find_operation(model, asked, body)
        handler = self._handlers.get(operation.name)
        if handler is None:
            raise AwsError(
                "NotImplemented", f"{self._name}:{operation.name} is not available here.", 501
            )
        params = read_params(model, operation, asked, body, labels)
        return write_result(model, operation, await handler(asked, params), id=asked.id)

    def refused(self, error: AwsError, asked: AwsAsked | None, *, id: str) -> AwsAnswer:
        """Write an error; before the model is loaded, it is one that no model knows."""
        model = self._model
        known = error if model is None else model.status_of(error)
        if self._protocol == "query":
            namespace = "" if model is None else model.namespace
            return query_error(known, id=id, namespace=namespace)
        if self._protocol == "rest-json":
            return json_error(known, header=True)
        version = "1.1" if model is None else model.json_version
        return json_error(known, header=False, media=f"application/x-amz-json-{version}")

    async def _load(self) -> Model:
        """Read the model once; it is a megabyte of JSON, so not on the loop."""
        if self._model is None:
            async with self._loading:  # Who waited here finds it done.
                if self._model is None:
                    self._model = await asyncio.to_thread(load_model, self._name)
        return self._model
