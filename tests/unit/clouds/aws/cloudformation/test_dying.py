"""A node that dies at any step of an operation: another one goes on, and nothing is left over."""

import asyncio
import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tapwater_server.backends.memory.facts import MemoryFacts
from tapwater_server.clouds.aws.account import Account, Caller
from tapwater_server.clouds.aws.apigateway.door import GatewayDoor
from tapwater_server.clouds.aws.apigateway.http_control import HttpControl
from tapwater_server.clouds.aws.apigateway.keys import Keys
from tapwater_server.clouds.aws.apigateway.rest_control import RestControl
from tapwater_server.clouds.aws.apigateway.rest_stages import RestStages
from tapwater_server.clouds.aws.apigateway.store import (
    HTTP_API,
    HTTP_DEPLOYMENT,
    REST_API,
    REST_DEPLOYMENT,
    Store,
)
from tapwater_server.clouds.aws.asked import AwsAsked, Service
from tapwater_server.clouds.aws.cloudformation.book import STACK, Book, Stack
from tapwater_server.clouds.aws.cloudformation.questions import Questions
from tapwater_server.clouds.aws.cloudformation.service import Formation
from tapwater_server.clouds.aws.inside.asking import Inside
from tapwater_server.clouds.aws.protocol.service import ModelService
from tapwater_server.model.ids import AppId
from tapwater_server.ports.facts import HeldFacts, Put, Step
from tapwater_server.testing.clock import CountingIds, ManualClock

pytestmark = pytest.mark.slow

ACCOUNT = Account(id="000000000000", home=AppId("aws"))
WHO = Caller(account=ACCOUNT, name="root", access_key="AKIA")
STEPS_MAX = 200


class Died(BaseException):
    """The node is gone."""


class Fate:
    """Lets so many moves go well, and then none."""

    def __init__(self, moves: int) -> None:
        self.left = moves

    def move(self) -> None:
        self.left -= 1
        if self.left <= 0:
            raise Died


class MortalFacts(MemoryFacts):
    """Facts whose node may die just after one has been written."""

    fate: Fate | None = None
    begun: asyncio.Event  # an operation has been written down

    def copied(self) -> HeldFacts:
        return copy.deepcopy(self._held)

    def hold(self, held: HeldFacts) -> None:
        self._held = held
        self.get, self.list, self.spaces = held.get, held.list, held.spaces

    async def change(self, space: str, steps: Sequence[Step]) -> None:
        await super().change(space, steps)
        if any(isinstance(one, Put) and one.value.get("operation") for one in _stacks(steps)):
            self.begun.set()
        if self.fate is not None and any(one.kind.startswith("cloudformation") for one in steps):
            self.fate.move()


def _stacks(steps: Sequence[Step]) -> list[Step]:
    return [one for one in steps if one.kind == STACK]


class World:
    """API Gateway and CloudFormation on the same facts."""

    def __init__(self) -> None:
        self.clock, self.ids = ManualClock(), CountingIds()
        self.facts = MortalFacts()
        self.facts.begun = asyncio.Event()
        self.services: dict[str, Service] = {}
        self.inside = Inside(services=self.services, permits=_permitted, ids=self.ids)
        self._open_gateway()

    def _open_gateway(self) -> None:
        facts, clock, ids = self.facts, self.clock, self.ids
        rest = Store(facts=facts, ids=ids, kind=REST_API, deployment=REST_DEPLOYMENT)
        http = Store(facts=facts, ids=ids, kind=HTTP_API, deployment=HTTP_DEPLOYMENT)
        control = RestControl(store=rest, clock=clock)
        table = {
            **control.table(),
            **RestStages(control).table(),
            **Keys(facts=facts, clock=clock, ids=ids).table(),
        }
        door = GatewayDoor(
            rest=ModelService("apigateway", table, protocol="rest-json"),
            http=HttpControl(store=http, clock=clock).door(),
        )
        self.services |= {"apigateway": door, "apigatewayv2": door}

    def node(self, fate: Fate | None = None) -> Formation:
        """Start CloudFormation anew, as a node does that begins."""
        self.facts.fate = fate
        return Formation(
            facts=self.facts,
            api=_MortalApi(self.inside, fate),
            inner="http://inner",
            clock=self.clock,
            ids=self.ids,
        )

    def stack(self) -> Stack:
        return Book(self.facts).stacks(ACCOUNT.space)[-1]

    async def ask(self, operation: str, **given: Any) -> None:
        """Have an operation written down, and not begun."""
        self.services["cloudformation"] = self.node().door()
        self.facts.begun = asyncio.Event()
        given = {"StackName": "one", **given}
        asking = asyncio.create_task(self.inside.call(WHO, "cloudformation", operation, given))
        begun = asyncio.create_task(self.facts.begun.wait())
        await asyncio.wait({asking, begun}, return_when=asyncio.FIRST_COMPLETED)
        if asking.done():
            await asking  # It was refused.
        for task in (asking, begun):
            task.cancel()
        await asyncio.gather(asking, begun, return_exceptions=True)

    async def go_on(self, fate: Fate | None = None) -> None:
        """Do what is written down."""
        await self.node(fate).operator.operate(ACCOUNT.space, self.stack().uid)

    async def die_everywhere(self, check: Any) -> None:
        """Do the operation again and again, and die one move later each time."""
        held = self.facts.copied()
        for moves in range(1, STEPS_MAX):
            self.facts.hold(copy.deepcopy(held))
            try:
                await self.go_on(Fate(moves))
            except Died:
                await self.go_on()
                await check(moves)
            else:
                await check(moves)
                return
        raise AssertionError("it never ends")

    async def there(self) -> dict[str, Any]:
        """Look at what there is."""

        async def call(service: str, operation: str, **given: Any) -> Mapping[str, Any]:
            return await self.inside.call(WHO, service, operation, given)

        apis = (await call("apigateway", "GetRestApis")).get("items", [])
        found: dict[str, Any] = {"apis": len(apis), "paths": [], "stages": []}
        for api in apis:
            given = {"restApiId": api["id"]}
            resources = await call("apigateway", "GetResources", **given)
            found["paths"] += sorted(one["path"] for one in resources["items"])
            stages = await call("apigateway", "GetStages", **given)
            found["stages"] += [one["stageName"] for one in stages["item"]]
        second = (await call("apigatewayv2", "GetApis"))["Items"]
        found["second"] = []
        for api in second:
            stages = await call("apigatewayv2", "GetStages", ApiId=api["ApiId"])
            found["second"].append([one["StageName"] for one in stages["Items"]])
        keys = (await call("apigateway", "GetApiKeys")).get("items", [])
        return found | {"keys": [one["name"] for one in keys]}


class Function:
    """A function that makes things: it answers at once, and knows what it was asked."""

    def __init__(self, world: World) -> None:
        self.asked: list[tuple[str, str]] = []
        self._questions = Questions(facts=world.facts, clock=world.clock, ids=world.ids)
        handlers = {"Invoke": self.invoke}
        world.services["lambda"] = ModelService("lambda", handlers, protocol="rest-json")

    async def invoke(self, asked: AwsAsked, params: Mapping[str, Any]) -> Mapping[str, Any]:
        said = json.loads(params["Payload"])
        self.asked.append((said["RequestType"], said["RequestId"]))
        names = ("StackId", "RequestId", "LogicalResourceId")
        answer = {name: said[name] for name in names} | {"PhysicalResourceId": "thing"}
        _, _, place = said["ResponseURL"].partition("cloudformation-response/")
        stack, _, path = place.partition("/")
        assert await self._questions.take(stack, path, {"Status": "SUCCESS", **answer})
        return {"StatusCode": 200, "Payload": b"null"}


class _MortalApi:
    def __init__(self, inner: Inside, fate: Fate | None) -> None:
        self._inner, self._fate = inner, fate

    async def call(
        self,
        who: Caller,
        service: str,
        operation: str,
        given: Mapping[str, Any],
        *,
        host: str = "localhost",
    ) -> Mapping[str, Any]:
        found = await self._inner.call(who, service, operation, given, host=host)
        if self._fate is not None and not operation.startswith("Get"):
            self._fate.move()
        return found


async def _permitted(asked: AwsAsked) -> None:
    return


def template(*, part: str = "a", stage: str = "dev", key: bool = True, bad: bool = False) -> str:
    ref = {"Ref": "Api"}
    mock = {"Type": "MOCK", "RequestTemplates": {"application/json": '{"statusCode": 200}'}}
    resources: dict[str, Any] = {
        "Api": _of("ApiGateway::RestApi", Name="one"),
        "Path": _of(
            "ApiGateway::Resource",
            RestApiId=ref,
            ParentId={"Fn::GetAtt": "Api.RootResourceId"},
            PathPart=part,
        ),
        "Get": _of(
            "ApiGateway::Method",
            RestApiId=ref,
            ResourceId={"Ref": "Path"},
            HttpMethod="GET",
            AuthorizationType="NONE",
            Integration=mock,
        ),
        "Live": _of("ApiGateway::Deployment", RestApiId=ref) | {"DependsOn": "Get"},
        "Stage": _of(
            "ApiGateway::Stage", RestApiId=ref, StageName="dev", DeploymentId={"Ref": "Live"}
        ),
        "Second": _of("ApiGatewayV2::Api", Name="two", ProtocolType="HTTP"),
        "At": _of("ApiGatewayV2::Stage", ApiId={"Ref": "Second"}, StageName=stage, AutoDeploy=True),
    }
    if key:
        resources["Key"] = _of("ApiGateway::ApiKey", Name="mine", Enabled=True)
    if bad:
        resources["Bad"] = _of(
            "ApiGateway::Stage", RestApiId=ref, StageName="bad", DeploymentId="none"
        ) | {"DependsOn": list(resources)}
    return json.dumps({"Resources": resources})


def _of(type: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{type}", "Properties": properties}


FIRST = {
    "apis": 1,
    "paths": ["/", "/a"],
    "stages": ["dev"],
    "second": [["dev"]],
    "keys": ["mine"],
}
NOTHING = {"apis": 0, "paths": [], "stages": [], "second": [], "keys": []}


async def _expect(world: World, status: str, there: Mapping[str, Any]) -> None:
    assert world.stack().status == status, world.stack().reason
    assert await world.there() == there
    made = Book(world.facts).resources(ACCOUNT.space, world.stack().uid).values()
    assert all(one.before is None for one in made)
    assert not world.facts.list(ACCOUNT.space, "cloudformation/question")


async def test_dying_in_a_creation() -> None:
    world = World()
    await world.ask("CreateStack", TemplateBody=template())
    await world.die_everywhere(lambda moves: _expect(world, "CREATE_COMPLETE", FIRST))


async def test_dying_in_a_creation_that_fails() -> None:
    world = World()
    await world.ask("CreateStack", TemplateBody=template(bad=True))
    await world.die_everywhere(lambda moves: _expect(world, "ROLLBACK_COMPLETE", NOTHING))


async def test_a_creation_that_nobody_wants_any_more() -> None:
    world = World()
    await world.ask("CreateStack", TemplateBody=template(bad=True), OnFailure="DELETE")
    await world.die_everywhere(lambda moves: _expect(world, "DELETE_COMPLETE", NOTHING))


async def test_dying_in_an_update_that_replaces_and_removes() -> None:
    world = World()
    await world.ask("CreateStack", TemplateBody=template())
    await world.go_on()
    await world.ask("UpdateStack", TemplateBody=template(part="b", stage="next", key=False))
    there = FIRST | {"paths": ["/", "/b"], "second": [["next"]], "keys": []}
    await world.die_everywhere(lambda moves: _expect(world, "UPDATE_COMPLETE", there))


async def test_dying_in_an_update_that_is_taken_back() -> None:
    world = World()
    await world.ask("CreateStack", TemplateBody=template())
    await world.go_on()
    await world.ask("UpdateStack", TemplateBody=template(part="b", stage="next", bad=True))
    await world.die_everywhere(lambda moves: _expect(world, "UPDATE_ROLLBACK_COMPLETE", FIRST))


async def test_dying_in_a_deletion() -> None:
    world = World()
    await world.ask("CreateStack", TemplateBody=template())
    await world.go_on()
    await world.ask("DeleteStack")
    await world.die_everywhere(lambda moves: _expect(world, "DELETE_COMPLETE", NOTHING))


async def test_dying_while_a_custom_resource_is_asked() -> None:
    world = World()
    function = Function(world)
    token = "arn:aws:lambda:us-east-1:000000000000:function:maker"
    thing = {"Type": "Custom::Thing", "Properties": {"ServiceToken": token}}
    await world.ask("CreateStack", TemplateBody=json.dumps({"Resources": {"Thing": thing}}))

    async def made(moves: int) -> None:
        await _expect(world, "CREATE_COMPLETE", NOTHING)
        assert {verb for verb, _ in function.asked} == {"Create"}
        assert len(set(function.asked)) == 1  # Each time the same request.
        function.asked.clear()

    await world.die_everywhere(made)
    await world.ask("DeleteStack")

    async def gone(moves: int) -> None:
        await _expect(world, "DELETE_COMPLETE", NOTHING)
        assert {verb for verb, _ in function.asked} == {"Delete"}
        assert len(set(function.asked)) == 1
        function.asked.clear()

    await world.die_everywhere(gone)
