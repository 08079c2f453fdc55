"""CloudFormation's door: its operations, and who answers them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tapwater_server.clouds.aws.asked import AwsAsked, Service
from tapwater_server.clouds.aws.cloudformation.asking import Asking
from tapwater_server.clouds.aws.cloudformation.book import Book
from tapwater_server.clouds.aws.cloudformation.changesets import ChangeSets
from tapwater_server.clouds.aws.cloudformation.finding import must_find
from tapwater_server.clouds.aws.cloudformation.kind import Api
from tapwater_server.clouds.aws.cloudformation.kinds import KINDS
from tapwater_server.clouds.aws.cloudformation.making import Maker
from tapwater_server.clouds.aws.cloudformation.operating import Run
from tapwater_server.clouds.aws.cloudformation.operator import Operator
from tapwater_server.clouds.aws.cloudformation.preparing import Preparing
from tapwater_server.clouds.aws.cloudformation.questions import AnswerDoor, Questions
from tapwater_server.clouds.aws.cloudformation.reading import Reading
from tapwater_server.clouds.aws.cloudformation.service_role import ServiceRoles
from tapwater_server.clouds.aws.cloudformation.telling import Teller
from tapwater_server.clouds.aws.cloudformation.transforming import Transforming
from tapwater_server.clouds.aws.cloudformation.wishing import Wishes
from tapwater_server.clouds.aws.protocol.service import ModelService
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.facts import Facts
from tapwater_server.ports.ids import IdSource


class Formation:
    """CloudFormation as a whole: a door, and the loop that carries operations out."""

    def __init__(
        self,
        *,
        facts: Facts,
        api: Api,
        inner: str,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        book = Book(facts)
        teller = Teller(book=book, clock=clock, ids=ids)
        wishes = Wishes(book=book, kinds=KINDS)
        self._questions = Questions(facts=facts, clock=clock, ids=ids)
        maker = Maker(
            kind_of=wishes.kind,
            api=api,
            questions=self._questions,
            inner=inner,
            teller=teller,
            clock=clock,
            ids=ids,
        )
        self._book, self._teller = book, teller
        self.operator = Operator(
            book=book,
            teller=teller,
            begin=lambda stack: Run(stack, book=book, maker=maker, wishes=wishes, clock=clock),
            clock=clock,
        )
        preparing = Preparing(
            book=book,
            api=api,
            wishes=wishes,
            transforming=Transforming(),
            roles=ServiceRoles(facts=facts),
        )
        self._asking = Asking(
            book=book,
            preparing=preparing,
            wishes=wishes,
            operator=self.operator,
            teller=teller,
            clock=clock,
            ids=ids,
        )
        self._change_sets = ChangeSets(
            facts=facts,
            book=book,
            asking=self._asking,
            preparing=preparing,
            wishes=wishes,
            teller=teller,
            clock=clock,
            ids=ids,
        )
        self._reading = Reading(
            book=book, wishes=wishes, preparing=preparing, change_sets=self._change_sets
        )

    def answers(self) -> Service:
        """Give what takes the answers of custom resources."""
        return AnswerDoor(self._questions)

    def door(self) -> Service:
        """Give what answers requests."""
        reading, sets = self._reading, self._change_sets
        return ModelService(
            "cloudformation",
            {
                "CreateStack": self._asking.create,
                "UpdateStack": self._asking.update,
                "DeleteStack": self._asking.delete,
                "CancelUpdateStack": self._asking.cancel,
                "UpdateTerminationProtection": self._protect,
                "DescribeStacks": reading.stacks,
                "ListStacks": reading.summaries,
                "DescribeStackEvents": reading.events,
                "DescribeStackResources": reading.resources,
                "DescribeStackResource": reading.resource,
                "ListStackResources": reading.list_resources,
                "GetTemplate": reading.template,
                "GetTemplateSummary": reading.summary,
                "ValidateTemplate": reading.validate,
                "ListExports": reading.exports,
                "ListImports": reading.imports,
                "CreateChangeSet": sets.create,
                "DescribeChangeSet": sets.describe,
                "ExecuteChangeSet": sets.execute,
                "DeleteChangeSet": sets.delete,
                "ListChangeSets": sets.summaries,
                "GetStackPolicy": self._no_policy,
                "DescribeAccountLimits": self._limits,
                "ListTypes": self._types,
            },
            protocol="query",
        )

    async def _protect(self, asked: AwsAsked, params: Mapping[str, Any]) -> Mapping[str, Any]:
        stack = must_find(self._book, asked.account, str(params["StackName"]))
        protected = bool(params["EnableTerminationProtection"])
        await self._teller.stack(replace(stack, protected=protected), quiet=True)
        return {"StackId": stack.id}

    async def _no_policy(self, asked: AwsAsked, params: Mapping[str, Any]) -> Mapping[str, Any]:
        must_find(self._book, asked.account, str(params["StackName"]))
        return {}

    async def _types(self, asked: AwsAsked, params: Mapping[str, Any]) -> Mapping[str, Any]:
        prefix = str((params.get("Filters") or {}).get("TypeNamePrefix") or "")
        found = [name for name in sorted(KINDS) if name.startswith(prefix)]
        return {"TypeSummaries": [{"Type": "RESOURCE", "TypeName": name} for name in found]}

    async def _limits(self, asked: AwsAsked, params: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"AccountLimits": [{"Name": "StackLimit", "Value": 2_000}]}
