"""A restful function behind an HTTP API of API Gateway (payload 2.0)."""

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any

from tapwater.problem import CONTENT_TYPE, Problem
from tapwater.runtime import wire
from tapwater.testing.running import FunctionRaised, Result
from tapwater_server.cli.aws.leaving.shim.program import Function, invoke_of, params_of

Handler = Callable[[Mapping[str, Any], Any], dict[str, Any]]
_TEXTS = ("text/", "application/json", "application/problem+json", "application/xml")
_REFUSED = Problem(405, "Not with this method.")
_FAILED = Problem(500, "The function raised an error.", code="user_error")


def restful(file: str, name: str, *, mount: str = "") -> Handler:
    """Make Lambda's handler of a function's file. ``mount``: where a whole app stands."""
    function = Function(file, name)

    def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        method = str(event["requestContext"]["http"]["method"]).upper()
        verbs = _verbs(function)
        if method == "OPTIONS" and verbs and "OPTIONS" not in verbs:
            return {"statusCode": 204, "headers": {"allow": _allow(verbs)}}
        asked = "GET" if method == "HEAD" and "head" not in function.program.handlers else method
        if verbs and asked not in verbs:
            return _problem(_REFUSED, allow=_allow(verbs))
        try:
            result = function.run(_invoke(event, context, asked, mount))
        except FunctionRaised as error:
            print(error)
            return _problem(_FAILED)
        return _answer(result, bodiless=method == "HEAD")

    return handler


def _allow(verbs: set[str]) -> str:
    return ", ".join(sorted({*verbs, "OPTIONS"}))


def _problem(problem: Problem, **headers: str) -> dict[str, Any]:
    said = {"content-type": CONTENT_TYPE, **headers}
    return {"statusCode": problem.status, "headers": said, "body": problem.body().decode()}


def _verbs(function: Function) -> set[str]:
    """Name what it takes; empty: everything."""
    handlers = function.program.handlers
    if function.program.style != "verbs" or "" in handlers:
        return set()
    verbs = {verb.upper() for verb in handlers}
    return verbs | {"HEAD"} if "GET" in verbs else verbs


def _invoke(event: Mapping[str, Any], context: Any, method: str, mount: str) -> wire.Invoke:
    asked = event["requestContext"]
    path = _path(event)
    root = mount if mount and path.startswith(mount) else ""
    headers = [(str(k).lower(), str(v)) for k, v in (event.get("headers") or {}).items()]
    if event.get("cookies"):
        headers.append(("cookie", "; ".join(event["cookies"])))
    body = event.get("body") or ""
    return invoke_of(
        wire.Verb.HTTP,
        context,
        method=method.encode(),
        path=(path[len(root) :] or "/").encode(),
        root_path=root.encode(),
        query=str(event.get("rawQueryString") or "").encode(),
        scheme=b"https",
        client=str(asked["http"].get("sourceIp", "")).encode(),
        params=params_of(event.get("pathParameters")),
        headers=[(name.encode(), value.encode("latin-1", "replace")) for name, value in headers],
        body=b64decode(body) if event.get("isBase64Encoded") else body.encode(),
    )


def _path(event: Mapping[str, Any]) -> str:
    """The path below the stage, which API Gateway leaves in front."""
    path, stage = str(event.get("rawPath") or "/"), event["requestContext"].get("stage")
    prefix = f"/{stage}"
    if stage and stage != "$default" and (path == prefix or path.startswith(prefix + "/")):
        return path[len(prefix) :] or "/"
    return path


def _answer(result: Result, *, bodiless: bool) -> dict[str, Any]:
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for name in result.headers:
        if name == "set-cookie":
            cookies = result.headers.all(name)
        else:
            headers[name] = ", ".join(result.headers.all(name))
    answer: dict[str, Any] = {"statusCode": result.status, "headers": headers}
    if cookies:
        answer["cookies"] = cookies
    return {**answer, **_body(b"" if bodiless else result.body, headers)}


def _body(body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    """Texts go as they are, all else in base64."""
    if headers.get("content-type", "").startswith(_TEXTS) and "content-encoding" not in headers:
        try:
            return {"body": body.decode()}
        except UnicodeDecodeError:
            pass  # It says that it is a text and is none.
    return {"body": b64encode(body).decode(), "isBase64Encoded": True}
