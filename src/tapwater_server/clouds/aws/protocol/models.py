"""Botocore's models of services: loaded when first asked for, and what our side needs of them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tapwater_server.clouds.aws.asked import AwsError

Shape = Any  # botocore.model.Shape: botocore has no types
_LABEL = re.compile(r"\{([A-Za-z0-9_-]+)(\+?)\}")
DASH = "_dash_"  # In the name of a group: {resource-arn} is a label too.
_STATUS = 400  # Of an error whose status nobody has chosen.


class Operation(NamedTuple):
    """One operation. ``shape_in``, ``shape_out``: None where nothing is said."""

    name: str
    method: str
    status: int
    shape_in: Shape | None
    shape_out: Shape | None


class Route(NamedTuple):
    """Where an operation of a REST service is found."""

    method: str
    path: re.Pattern[str]
    fixed: Mapping[str, str]  # parameters of the query that belong to the address
    weight: tuple[int, ...]
    name: str


class Model:
    """One service. Looked up often, so that what is found is kept."""

    def __init__(self, inner: Any) -> None:
        metadata = inner.metadata
        self.protocol: str = metadata["protocol"]
        self.namespace: str = metadata.get("xmlNamespace", "")
        self.json_version: str = metadata.get("jsonVersion", "1.0")
        self._inner = inner
        self._operations: dict[str, Operation] = {}
        self._names = frozenset(inner.operation_names)
        self._errors = _errors(inner)
        self.routes: Sequence[Route] = _routes(inner) if self.protocol == "rest-json" else ()

    def operation(self, name: str) -> Operation | None:
        """Find an operation; None: the service has none of that name."""
        found = self._operations.get(name)
        if found is None and name in self._names:
            model = self._inner.operation_model(name)
            found = self._operations[name] = Operation(
                name=name,
                method=model.http.get("method", "POST"),
                status=model.http.get("responseCode", 200),
                shape_in=model.input_shape,
                shape_out=model.output_shape,
            )
        return found

    def status_of(self, error: AwsError) -> AwsError:
        """Give an error the status that the model knows, unless one was chosen."""
        code, status = self._errors.get(error.code, (error.code, error.status))
        if error.status != _STATUS:
            status = error.status
        if (code, status) == (error.code, error.status):
            return error
        return AwsError(code, error.message, status, headers=error.headers, facts=error.facts)


def load_model(name: str) -> Model:
    """Read a service's model from botocore. Takes a while: not on the loop."""
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    return Model(ServiceModel(Loader().load_service_model(name, "service-2"), name))


def _errors(inner: Any) -> Mapping[str, tuple[str, int]]:
    """The errors by name and by code: the code that goes out, and the status."""
    found: dict[str, tuple[str, int]] = {}
    for shape in inner.error_shapes:
        said = shape.metadata.get("error", {})
        code = said.get("code", shape.name)
        status = said.get("httpStatusCode", 500 if shape.metadata.get("fault") else _STATUS)
        found[shape.name] = found[code] = (code, status)
    return found


def _routes(inner: Any) -> Sequence[Route]:
    found = []
    for name in inner.operation_names:
        http = inner.operation_model(name).http
        path, _, query = http["requestUri"].partition("?")
        fixed = dict(part.partition("=")[::2] for part in query.split("&") if part)
        found.append(Route(http["method"], _pattern(path), fixed, _weight(path, fixed), name))
    return sorted(found, key=lambda route: route.weight, reverse=True)


def _pattern(path: str) -> re.Pattern[str]:
    """Make ``/v2/apis/{ApiId}/stages/{Name+}`` an expression; the end may have a slash."""
    out, at = "", 0
    for label in _LABEL.finditer(path):
        out += re.escape(path[at : label.start()])
        name = label[1].replace("-", DASH)
        out += f"(?P<{name}>{'.+' if label[2] else '[^/]+'})"
        at = label.end()
    return re.compile(out + re.escape(path[at:].rstrip("/")) + "/?")


def _weight(path: str, fixed: Mapping[str, str]) -> tuple[int, ...]:
    """What is more exact is tried first."""
    parts = path.strip("/").split("/")
    return (len(fixed), *(0 if "+}" in part else 1 if "{" in part else 2 for part in parts))
