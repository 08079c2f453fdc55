"""A control plane with everything in memory, and bundles to deploy to it."""

import ast
import asyncio
import gzip
import io
import json
import tarfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uv

from tapwater_server.backends.memory.bus import MemoryBus
from tapwater_server.backends.memory.folders import MemoryFolders
from tapwater_server.backends.memory.meter import MemoryMeter
from tapwater_server.backends.memory.registry import MemoryRegistry
from tapwater_server.backends.memory.secrets import MemorySecrets
from tapwater_server.backends.memory.stats import MemoryStats
from tapwater_server.backends.memory.tokens import MemoryTokens
from tapwater_server.backends.system.clock import SystemClock
from tapwater_server.backends.system.ids import SystemIds
from tapwater_server.control.control import Control
from tapwater_server.control.house import ControlSettings
from tapwater_server.control.leaving import Erase
from tapwater_server.control.peeking import peek
from tapwater_server.model.errors import StartFailed
from tapwater_server.model.function import Function, Revision
from tapwater_server.model.ids import AppId
from tapwater_server.model.invocation import Ending, Invocation, Outcome, Usage
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.invoker import Exchange
from tapwater_server.ports.preparer import Prepared
from tapwater_server.ports.registry import Registry
from tapwater_server.ports.sandbox import Image
from tapwater_server.services.seeing.http import SeeingApi
from tapwater_server.services.seeing.now import NodeNow
from tapwater_server.services.seeing.pulse import Pulse
from tapwater_server.services.seeing.reading import Reading
from tapwater_server.services.seeing.series import Series
from tapwater_server.testing.identities import ListedIdentities
from tapwater_server.web.callers import Callers
from tapwater_server.web.node_app import NodeApp

VERBS = ("get", "post", "put", "patch", "delete")


@dataclass(eq=False, slots=True)
class ReadModule:
    """What reading a module tells of it."""

    image: Image
    manifest: Mapping[str, Any]
    warnings: tuple[str, ...] = ()


class ReadingPreparer:
    """A Preparer that reads modules instead of running them.

    A ``raise`` at the top is a failing import; ``on.x("y")`` makes a function reactive. A test may
    stop it in the middle of a prepare: ``started`` tells when, ``may_go_on`` lets it.
    """

    def __init__(self) -> None:
        self.open: list[ReadModule] = []
        self.images: list[Image] = []
        self.adopted: dict[str, dict[str, ReadModule]] = {}
        self.forgotten: list[str] = []
        self.started = asyncio.Event()
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def prepare(self, image: Image) -> Prepared:
        self.images.append(image)
        self.started.set()
        await self.may_go_on.wait()
        source = await asyncio.to_thread(Path(image.code, image.module).read_text)
        module = ReadModule(image=image, manifest=read(source))
        self.open.append(module)
        return module

    def adopt(self, revision: Revision, function: Function, prepared: Prepared) -> None:
        assert isinstance(prepared, ReadModule)
        self.open.remove(prepared)
        self.adopted.setdefault(revision.id, {})[function.id.name] = prepared

    async def discard(self, prepared: Sequence[Prepared]) -> None:
        for one in prepared:
            assert isinstance(one, ReadModule)
            self.open.remove(one)

    async def forget(self, revision: Revision) -> None:
        self.adopted.pop(revision.id, None)
        self.forgotten.append(revision.id)


def read(source: str) -> dict[str, Any]:
    """Make a manifest by looking at the source."""
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise StartFailed(f"SyntaxError: {error}") from None
    names: list[str] = []
    triggers: list[dict[str, Any]] = []
    manifest: dict[str, Any] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Raise):
            raise StartFailed(f"Traceback: {ast.unparse(statement)}")
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "MANIFEST":
            manifest = ast.literal_eval(statement.value)
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            names.append(statement.name)
            for decorator in statement.decorator_list:
                if ast.unparse(decorator).startswith("on."):
                    assert isinstance(decorator, ast.Call)
                    source_name = ast.unparse(decorator.func).removeprefix("on.")
                    cron = ast.literal_eval(decorator.args[0])
                    triggers.append({"source": source_name, "arguments": {"cron": cron}})
    return {
        "wire": 1,
        "kind": "reactive" if triggers else "restful",
        "style": "event" if triggers else "verbs",
        "verbs": [name.upper() for name in names if name in VERBS],
        "options": dict(peek(source)),
        "triggers": triggers,
        **manifest,
    }


class Echo:
    """An invoker that answers with what it was asked."""

    def __init__(self) -> None:
        self.seen: list[Invocation] = []

    def start(self, invocation: Invocation, exchange: Exchange) -> "Echo":
        self.seen.append(invocation)
        said: dict[str, object] = {
            "function": str(invocation.function.id),
            "method": invocation.method,
        }
        said |= {"path": invocation.path, "params": invocation.params or {}}
        said |= {"body": invocation.body.decode("latin-1")}
        body = json.dumps(said).encode()
        exchange.answered(200, [(b"content-type", b"application/json")], body)
        exchange.ended(Outcome(ending=Ending.OK, usage=Usage(wall_s=0.001)))
        return self

    def feed(self, data: bytes, *, last: bool) -> bool:
        return True

    def send(self, message: str | bytes) -> bool:
        return True

    def when_writable(self, resumed: object) -> None:
        """Always writable."""

    def resume(self) -> None:
        """Never stopped."""

    def cancel(self, reason: str) -> None:
        """Over already."""


@dataclass(slots=True, kw_only=True)
class Rig:
    """A control plane and a client with its admin token."""

    control: Control
    app: NodeApp
    client: httpx.AsyncClient
    registry: Registry
    folders: MemoryFolders
    secrets: MemorySecrets
    tokens: MemoryTokens
    meter: MemoryMeter
    preparer: ReadingPreparer
    invoker: Echo
    bus: MemoryBus
    extra: dict[str, Any] = field(default_factory=dict)

    async def deploy(
        self, app: str, files: Mapping[str, str | bytes], **query: str
    ) -> list[dict[str, Any]]:
        """Deploy, and give the lines that came."""
        answer = await self.client.post(
            f"/_/api/v1/apps/{app}/deploys", content=bundle(files), params=query
        )
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]

    async def deployed(
        self, app: str, files: Mapping[str, str | bytes], **query: str
    ) -> dict[str, Any]:
        """Deploy, which must work, and give the revision."""
        last = (await self.deploy(app, files, **query))[-1]
        assert "revision" in last, last
        revision: dict[str, Any] = last["revision"]
        return revision

    async def refused(
        self, app: str, files: Mapping[str, str | bytes], **query: str
    ) -> dict[str, Any]:
        """Deploy, which must fail, and give the problem."""
        last = (await self.deploy(app, files, **query))[-1]
        assert "problem" in last, last
        found: dict[str, Any] = last["problem"]
        return found


async def examine() -> Mapping[str, Any]:
    """A doctor for tests of the control plane alone."""
    return {"layers": []}


async def keep_nothing(app: AppId) -> None:
    """Erase what services keep of an app: here there are none."""


def seeing_api(meter: MemoryMeter, clock: Clock) -> SeeingApi:
    """What reads the logs."""
    return SeeingApi(
        reading=Reading(meter=meter, clock=clock),
        series=Series(stats=MemoryStats(meter), clock=clock),
        pulse=Pulse(now=NodeNow, clock=clock),
    )


@asynccontextmanager
async def control_rig(
    path: Path,
    *,
    environment: Mapping[str, str] | None = None,
    revisions_max: int = 50,
    erase: Erase | None = None,
) -> AsyncIterator[Rig]:
    """Put a control plane together below ``path``."""
    clock, ids = SystemClock(), SystemIds()
    secrets, tokens = MemorySecrets(), MemoryTokens(ids=ids)
    registry = MemoryRegistry(followers=(secrets, tokens))
    folders = MemoryFolders(scratch=path / "folders")
    meter, preparer, invoker = MemoryMeter(), ReadingPreparer(), Echo()
    bus = MemoryBus(clock=clock)
    control = Control(
        registry=registry,
        folders=folders,
        secrets=secrets,
        tokens=tokens,
        preparer=preparer,
        invoker=invoker,
        bus=bus,
        clock=clock,
        ids=ids,
        doctor=examine,
        top=lambda: {"functions": []},
        erase=erase or keep_nothing,
        settings=ControlSettings(
            cache=path / "uv",
            scratch=path / "scratch",
            uv=uv.find_uv_bin(),
            home=path,
            environment=environment or {},
            revisions_max=revisions_max,
        ),
    )
    await control.start()
    token = await tokens.issue("admin", admin=True, apps=[])
    callers = Callers(tokens=tokens, identities=ListedIdentities())
    seeing = seeing_api(meter, clock)
    app = NodeApp((*seeing.endpoints(), *control.endpoints), callers=callers, clock=clock)
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://127.0.0.1:8080",
        headers={"authorization": f"Bearer {token}"},
    )
    async with client:
        yield Rig(
            control=control,
            app=app,
            client=client,
            registry=registry,
            folders=folders,
            secrets=secrets,
            tokens=tokens,
            meter=meter,
            preparer=preparer,
            invoker=invoker,
            bus=bus,
        )


def bundle(files: Mapping[str, str | bytes]) -> bytes:
    """Pack files into a tar.gz."""
    packed = io.BytesIO()
    zipped = gzip.GzipFile(fileobj=packed, mode="wb", mtime=0)
    with zipped as plain, tarfile.open(fileobj=plain, mode="w") as tar:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return packed.getvalue()
