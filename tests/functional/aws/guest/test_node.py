"""Handlers of Node.js in the real sandbox, on the runtime that we ship."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tapwater_server.ports.sandbox import Sandbox
from tests.functional.aws.guest.lambda_kit import REQUEST, Said, foreign, instance, opened
from tests.not_testable import CannotTest
from tests.sandbox_kit import linux_sandbox

AT_ONCE = 4
MEMORY = {"memory_bytes": 256 << 20, "pids_max": 64}


@pytest.fixture(autouse=True)
def needs_node(cannot_test: CannotTest) -> None:
    if not shutil.which("node"):
        cannot_test("there is no Node.js on this machine")


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with linux_sandbox(tmp_path) as made:
        yield made


async def call(
    sandbox: Sandbox,
    folder: Path,
    files: Mapping[str, str] | str,
    *events: Any,
    handler: str = "app.handler",
    **told: Any,
) -> list[Said]:
    """Call one instance with events, one after the other."""
    code = {"app.js": files} if isinstance(files, str) else files
    about = foreign("nodejs20.x", handler, **told)
    async with opened(sandbox, folder, code, about) as zygote, instance(zygote, **MEMORY) as talk:
        return [
            await talk.invoke(event, timeout_s=20, client_context='{"custom":{"a":"ü"}}')
            for event in events
        ]


async def test_what_a_handler_is_given(sandbox: Sandbox, tmp_path: Path) -> None:
    code = """
    exports.handler = async (event, context) => {
        console.log("hi %s\\nthere", event.name);
        console.error({ a: 1 });
        return { event, context, left: context.getRemainingTimeInMillis() > 0,
            root: process.env.LAMBDA_TASK_ROOT, cwd: process.cwd() };
    };"""
    [said] = await call(sandbox, tmp_path, code, {"name": "you"})
    value = said.value
    assert value["event"] == {"name": "you"}
    assert (value["left"], value["root"], value["cwd"]) == (True, "/var/task", "/var/task")
    assert value["context"]["awsRequestId"] == REQUEST
    assert value["context"]["functionName"] == "thumbs"
    assert value["context"]["memoryLimitInMB"] == "256"
    assert value["context"]["clientContext"] == {"custom": {"a": "ü"}}
    assert said.logs[1].endswith(f"Z\t{REQUEST}\tINFO\thi you\rthere")
    assert said.logs[2].endswith(f"\t{REQUEST}\tERROR\t{{ a: 1 }}")


ESM = "export const handler = async () => import.meta.url;"
KINDS: dict[str, tuple[dict[str, str], str, Any]] = {
    "a module by its name": ({"app.mjs": ESM}, "app.handler", "file:///var/task/app.mjs"),
    "a module by package.json": (
        {"app.js": ESM, "package.json": '{"type": "module"}'},
        "app.handler",
        "file:///var/task/app.js",
    ),
    "a script by its name": (
        {"app.cjs": "exports.handler = async () => 1;", "package.json": '{"type": "module"}'},
        "app.handler",
        1,
    ),
    "a folder and a nested name": (
        {"src/app.js": "exports.api = { get: async () => __filename };"},
        "src/app.api.get",
        "/var/task/src/app.js",
    ),
    "an awaited beginning": (
        {"app.mjs": "const x = await Promise.resolve(5); export const handler = async () => x;"},
        "app.handler",
        5,
    ),
    "a call back": (
        {"app.js": "exports.handler = (e, c, back) => setTimeout(() => back(null, 'b'), 5);"},
        "app.handler",
        "b",
    ),
    "a call back before the work is done": (
        {
            "app.js": "let n = 0; exports.handler = (e, c, back) => "
            "{ setTimeout(() => { n = 1; }, 20); back(null, {get n() { return n; }}); };"
        },
        "app.handler",
        {"n": 1},
    ),
    "a call back that does not wait": (
        {
            "app.js": "let n = 0; exports.handler = (e, c, back) => "
            "{ c.callbackWaitsForEmptyEventLoop = false; setTimeout(() => { n = 1; }, 5000);"
            " back(null, { n }); };"
        },
        "app.handler",
        {"n": 0},
    ),
    "no call back at all": ({"app.js": "exports.handler = () => {};"}, "app.handler", None),
    "nothing": ({"app.js": "exports.handler = async () => {};"}, "app.handler", None),
    "the oldest way": (
        {"app.js": "exports.handler = (e, context) => { context.succeed('old'); };"},
        "app.handler",
        "old",
    ),
}


async def call_of_each_kind(
    sandbox: Sandbox, folder: Path, kinds: Mapping[str, tuple[Mapping[str, str] | str, str]]
) -> dict[str, list[Said]]:
    """Call one instance of each kind of function twice; several at a time, to save time."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(kind: str) -> tuple[str, list[Said]]:
        files, handler = kinds[kind]
        async with gate:
            (folder / kind).mkdir()
            return kind, await call(sandbox, folder / kind, files, 1, 2, handler=handler)

    return dict(await asyncio.gather(*map(one, kinds)))


async def test_kinds_of_handlers(sandbox: Sandbox, tmp_path: Path) -> None:
    kinds = {kind: (files, handler) for kind, (files, handler, _) in KINDS.items()}
    for kind, saids in (await call_of_each_kind(sandbox, tmp_path, kinds)).items():
        for said in saids:
            assert said.status == 200, (kind, said)
            assert said.value == KINDS[kind][2], kind


MINE = "class MyError extends Error { constructor(m) { super(m); this.name = 'MyError'; } }\n"
ERRORS: dict[str, tuple[str, str, str, str]] = {
    "thrown": (
        MINE + "exports.handler = async () => { throw new MyError('no'); };",
        "app.handler", "MyError", "no",
    ),
    "called back with": (
        "exports.handler = (e, c, back) => back(new TypeError('no'));",
        "app.handler", "TypeError", "no",
    ),
    "called back with a text": (
        "exports.handler = (e, c, back) => back('no');", "app.handler", "Error", "no",
    ),
    "nobody awaits": (
        "exports.handler = async () => { Promise.reject(new Error('no')); "
        "await new Promise(() => setTimeout(() => {}, 9000)); };",
        "app.handler", "Runtime.UnhandledPromiseRejection", "Error: no",
    ),
    "nobody catches": (
        "exports.handler = (e, c, back) => { setTimeout(() => { throw new RangeError('no') }); };",
        "app.handler", "RangeError", "no",
    ),
    "the process ends": (
        "exports.handler = async () => { process.exit(7); };",
        "app.handler", "Runtime.ExitError",
        f"RequestId: {REQUEST} Error: Runtime exited with error: exit status 7",
    ),
    "no such module": (
        "", "other.handler", "Runtime.ImportModuleError", "Error: Cannot find module 'other'",
    ),
    "a module's own is missing": (
        "require('left-pad'); exports.handler = async () => 1;",
        "app.handler", "Runtime.ImportModuleError", "Error: Cannot find module 'left-pad'",
    ),
    "no such handler": (
        "exports.other = 1;", "app.handler", "Runtime.HandlerNotFound",
        "app.handler is undefined or not exported",
    ),
    "no function": (
        "exports.handler = 1;", "app.handler", "Runtime.HandlerNotFound",
        "app.handler is not a function",
    ),
    "not JavaScript": (
        "exports.handler = async () => {", "app.handler", "Runtime.UserCodeSyntaxError",
        "SyntaxError: Unexpected end of input",
    ),
    "a bad name": ("", "handler", "Runtime.MalformedHandlerName", "Bad handler"),
    "while it is loaded": (
        "throw new Error('no key');", "app.handler", "Error", "no key",
    ),
}  # fmt: skip


async def test_errors_are_told(sandbox: Sandbox, tmp_path: Path) -> None:
    """... and the call after that finds the function at work, if it works at all."""
    kinds = {kind: (code, handler) for kind, (code, handler, _, _) in ERRORS.items()}
    for kind, saids in (await call_of_each_kind(sandbox, tmp_path, kinds)).items():
        _, _, name, message = ERRORS[kind]
        for said in saids:
            assert said.status == 500, (kind, said)
            assert said.headers["lambda-function-error"] == "Unhandled", kind
            told = said.value
            assert told["errorType"] == name, (kind, told)
            assert told["errorMessage"].startswith(message), kind
            assert name == "Runtime.ExitError" or told["trace"], kind


async def test_a_stream_with_a_head(sandbox: Sandbox, tmp_path: Path) -> None:
    code = """
    exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {
        const head = { statusCode: 201, headers: { a: "b" } };
        stream = awslambda.HttpResponseStream.from(stream, head);
        for (let i = 0; i < event; i++) {
            const drained = () => new Promise((go) => stream.once("drain", go));
            if (!stream.write("x".repeat(1024))) await drained();
        }
        stream.end(context.awsRequestId);
    });"""
    for said in await call(sandbox, tmp_path, code, 3, 3000):
        head, _, body = said.body.partition(bytes(8))
        assert head == b'{"statusCode":201,"headers":{"a":"b"}}'
        kind = "application/vnd.awslambda.http-integration-response"
        assert said.headers == {"content-type": kind, "lambda-response-mode": "streaming"}
        assert body.endswith(REQUEST.encode())
        assert body.startswith(b"x" * 3072)


async def test_a_stream_through_a_pipeline_and_one_that_fails(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    code = """
    const { Readable } = require("node:stream");
    const { pipeline } = require("node:stream/promises");
    exports.handler = awslambda.streamifyResponse(async (event, stream) => {
        stream.setContentType("text/plain");
        if (event === "early") throw new Error("no");
        if (event === "destroyed") {
            stream.write("abc");
            await new Promise((go) => setTimeout(go, 20));
            return stream.destroy(new Error("no"));
        }
        if (event === "late") {
            stream.write("abc");
            await new Promise((go) => setTimeout(go, 20));
            throw new Error("no");
        }
        await pipeline(Readable.from(["a", "b"]), stream);
    });"""
    events = (1, "early", "late", "destroyed", 1)
    fine, early, late, destroyed, again = await call(sandbox, tmp_path, code, *events)
    assert (fine.headers["content-type"], fine.body) == ("text/plain", b"ab")
    assert (early.status, early.value["errorMessage"]) == (500, "no")
    for cut in (late, destroyed):
        assert cut.body == b"abc"
        assert cut.failed is not None
        assert cut.failed["message"] == "Error: no"
    assert again.body == b"ab"


async def test_logs_as_objects(sandbox: Sandbox, tmp_path: Path) -> None:
    code = """
    exports.handler = async () => {
        console.debug("not this"); console.info("this %d", 1); console.warn({ a: 1 });
        console.error(new TypeError("no"));
    };"""
    [said] = await call(sandbox, tmp_path, code, 1, log_format="JSON", log_level="INFO")
    start, this, object_, error, report = map(json.loads, said.logs)
    assert (start["type"], report["type"]) == ("platform.start", "platform.report")
    assert (this["level"], this["message"], this["requestId"]) == ("INFO", "this 1", REQUEST)
    assert (object_["level"], object_["message"]) == ("WARN", {"a": 1})
    assert error["message"]["errorType"] == "TypeError"
