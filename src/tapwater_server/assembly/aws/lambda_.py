"""Lambda on one node."""

import platform
import shutil
import subprocess
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from tapwater_server.assembly.aws.ground import AwsGround, AwsPart
from tapwater_server.backends.files.key_file import ensure_key
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.front.asking import Wish
from tapwater_server.clouds.aws.lambda_.archives import Archives
from tapwater_server.clouds.aws.lambda_.calling import Calling
from tapwater_server.clouds.aws.lambda_.changing import Changing
from tapwater_server.clouds.aws.lambda_.hasty import HastyInvoke
from tapwater_server.clouds.aws.lambda_.links import Links
from tapwater_server.clouds.aws.lambda_.offering import Offering
from tapwater_server.clouds.aws.lambda_.repairing import Repairing
from tapwater_server.clouds.aws.lambda_.resolving import Resolving
from tapwater_server.clouds.aws.lambda_.room import Room
from tapwater_server.clouds.aws.lambda_.runtimes import Machine
from tapwater_server.clouds.aws.lambda_.service import LambdaService
from tapwater_server.clouds.aws.lambda_.serving_urls import ServingUrls
from tapwater_server.clouds.aws.lambda_.store import Store
from tapwater_server.clouds.aws.lambda_.tails import Tails
from tapwater_server.clouds.aws.lambda_.throttling import Throttling
from tapwater_server.clouds.aws.lambda_.tidying import Tidying
from tapwater_server.model.ids import AppId
from tapwater_server.ports.meter import LogLine, Span
from tapwater_server.ports.tracing import Traces

NODE_S_MAX = 10.0
LEFT = "lambda"  # Of AwsGround.left: the room, for those who deliver events; they leave these two.
LATER, MAPPINGS = "lambda-later", "event-source-mappings"


async def open_lambda(ground: AwsGround) -> AwsPart:
    """Put the room together."""
    room, repairing = _room(ground)
    ground.left[LEFT] = room
    ground.node.stores.registry.watch(repairing.told)
    offering = Offering(
        resolving=room.resolving,
        calling=room.calling,
        later=room.later,
        ids=room.ids,
        traces=room.traces,
    )
    urls = ServingUrls(room=room)
    ground.permits.add("lambda-url", lambda asked: [Wish(*each) for each in urls.needs(asked)])
    return AwsPart(
        names=("lambda", "lambda-url"),
        service=LambdaService(room=room, urls=urls.answer),
        hasty=HastyInvoke(room=room),
        paths=("/2015-03-31/functions", "/2015-03-31/event-source-mappings"),
        loops=(room.changing.run(repairing.repair), repairing.run(ground.node.clock)),
        functions=offering,
    )


def _room(ground: AwsGround) -> tuple[Room, Repairing]:
    node = ground.node
    stores, clock, ids = node.stores, node.clock, node.ids
    store = Store(facts=stores.facts)
    archives = Archives(folders=stores.folders, blobs=ground.parts["blobs"], releases=node.releases)
    tidying = Tidying(store=store, registry=stores.registry, releases=node.releases)

    async def machine() -> Machine:
        pythons = await node.releases().pythons()
        return Machine(pythons=pythons, node=node_version(), architecture=platform.machine())

    changing = Changing(
        store=store,
        archives=archives,
        releases=node.releases,
        tidying=tidying,
        taken=_taken(ground),
        machine=machine,
        clock=clock,
        ids=ids,
    )
    resolving = Resolving(store=store, registry=stores.registry, chance=ids.chance)
    room = Room(
        store=store,
        archives=archives,
        changing=changing,
        resolving=resolving,
        calling=Calling(
            invoker=node.invoker,
            throttling=Throttling(),
            tails=_tails(ground),
            clock=clock,
            ids=ids,
        ),
        links=Links(key=ensure_key(node.settings.data / "lambda-key"), clock=clock),
        machine=machine,
        standing=_standing(ground),
        later=lambda: _left(ground, LATER),
        mappings=lambda: _left(ground, MAPPINGS),
        clock=clock,
        ids=ids,
        traces=Traces(ids),
    )
    repairing = Repairing(
        facts=stores.facts,
        store=store,
        registry=stores.registry,
        changing=changing,
        tidying=tidying,
        archives=archives,
    )
    return room, repairing


def _left(ground: AwsGround, name: str) -> Any:
    found = ground.left.get(name)
    if found is None:
        raise AwsError("NotImplemented", f"{name} is not available here.", 501)
    return found


def _taken(ground: AwsGround) -> Callable[[str], bool]:
    registry = ground.node.stores.registry

    def taken(label: str) -> bool:
        app = AppId(label)
        return app in registry.apps() or app in registry.leaving()

    return taken


def _standing(ground: AwsGround) -> Callable[[str], int]:
    def standing(revision: str) -> int:
        lanes = ground.node.top()["functions"]
        return sum(one["idle"] + one["busy"] for one in lanes if one["revision"] == revision)

    return standing


def _tails(ground: AwsGround) -> Tails:
    tails = Tails()

    def said(line: LogLine | Span) -> None:
        if tails.watching and isinstance(line, LogLine):
            tails.said(line.invocation, line.text)

    ground.node.stores.masked.when_said(said)
    return tails


@lru_cache(maxsize=1)
def node_version() -> str:
    """Ask the machine's Node.js for its version, once; "": there is none."""
    path = shutil.which("node")
    if path is None:
        return ""
    try:
        said = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=NODE_S_MAX, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return said.stdout.strip().removeprefix("v")
