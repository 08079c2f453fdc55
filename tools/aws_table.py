"""Writes docs/aws-operations.md, what of AWS is here: `python -m tools.aws_table`.

What a service has is asked of the service itself, what there is of botocore's models. With
`--check` it only says whether the page is behind.
"""

import asyncio
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import fill

from botocore.model import ServiceModel
from botocore.session import get_session

from tapwater_server.assembly.embedded import assemble
from tapwater_server.assembly.settings import Settings
from tapwater_server.clouds.aws.apigateway.door import GatewayDoor
from tapwater_server.clouds.aws.asked import Service
from tapwater_server.clouds.aws.front.front import Front
from tapwater_server.clouds.aws.lambda_.operations import governing
from tapwater_server.clouds.aws.lambda_.routes import OPERATIONS
from tapwater_server.clouds.aws.lambda_.service import LambdaService

PAGE = Path(__file__).resolve().parent.parent / "docs" / "aws-operations.md"
TITLES: Mapping[str, str] = {  # by the names of the models, in the order of the page
    "lambda": "Lambda",
    "s3": "S3",
    "sqs": "SQS",
    "sns": "SNS",
    "events": "EventBridge",
    "scheduler": "EventBridge Scheduler",
    "apigateway": "API Gateway: REST APIs",
    "apigatewayv2": "API Gateway: HTTP APIs",
    "cloudformation": "CloudFormation",
    "iam": "IAM",
    "sts": "STS",
    "logs": "CloudWatch Logs",
    "ssm": "Systems Manager",
    "secretsmanager": "Secrets Manager",
    "ecr": "Elastic Container Registry",
}
_ADDRESSES = frozenset({"lambda-url", "execute-api", "cloudformation-response"})  # No operations.
# What is kept and shown, and changes nothing that happens here. A star stands for any word.
STORED: Mapping[str, Sequence[str]] = {
    "lambda": ("*CodeSigningConfig*", "*RuntimeManagementConfig", "*LayerVersionP*"),
    "s3": (
        *("*BucketAccelerateConfiguration", "*BucketAnalyticsConfiguration*", "*BucketWebsite"),
        *("*BucketIntelligentTieringConfiguration*", "*BucketInventoryConfiguration*"),
        *("*BucketMetricsConfiguration*", "*BucketEncryption"),
    ),
    "logs": ("*RetentionPolicy",),
    "ecr": ("*Policy", "PutImage*"),
}
# What is answered with an error of AWS's own, whatever is asked.
REFUSED: Mapping[str, Sequence[str]] = {
    "s3": ("PutBucketReplication", "SelectObjectContent"),
    "sts": ("AssumeRoleWith*", "GetFederationToken"),
}
_INTRO = (
    "# Operations of AWS\n\n"
    "Written by `python -m tools.aws_table` from what the services answer and from botocore's "
    "models; a test sees that it is not behind.\n"
    "What the words mean, and the differences that a name does not show, are in "
    "[compatibility](compatibility.md#aws-operations).\n\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Has:
    """What a service does with each operation of its model."""

    done: Sequence[str]
    stored: Sequence[str]
    refused: Sequence[str]


async def ask_services(folder: Path) -> Mapping[str, Service]:
    """Put an empty node together; give the doors of its AWS services."""
    async with assemble(Settings(data=folder)) as node:
        for loop in node.loops:
            loop.close()
        assert isinstance(node.cloud, Front)
        return dict(node.cloud.services)


def compare(services: Mapping[str, Service]) -> Mapping[str, Has]:
    """Set what the services answer beside what there is at AWS."""
    untold = services.keys() - TITLES.keys() - _ADDRESSES
    assert not untold, f"tools/aws_table.py has no title for {sorted(untold)}"
    return {name: _compare(name, services[name]) for name in TITLES}


def write(found: Mapping[str, Has]) -> str:
    """Write the page."""
    lines = ["| service | done | stored only | refused |", "|---|---|---|---|"]
    for name, has in found.items():
        title = TITLES[name]
        anchor = re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
        counts = f"{len(has.done)} | {len(has.stored) or '-'} | {len(has.refused) or '-'}"
        lines.append(f"| [{title}](#{anchor}) | {counts} |")
    sections = [_section(TITLES[name], has) for name, has in found.items()]
    return _INTRO + "\n".join(lines) + "\n" + "".join(sections)


def _compare(name: str, service: Service) -> Has:
    model = get_session().get_service_model(name)
    known = frozenset(model.operation_names)
    answered = _operations(name, service, model) & known
    refused = _matching(REFUSED, name, answered) | (known - answered)
    if isinstance(service, LambdaService):
        refused |= _offering_nothing(model)
    stored = _matching(STORED, name, answered) - refused
    return Has(
        done=sorted(known - refused - stored), stored=sorted(stored), refused=sorted(refused)
    )


def _operations(name: str, service: Service, model: ServiceModel) -> frozenset[str]:
    if isinstance(service, GatewayDoor):
        service = service.parts[name == "apigatewayv2"]
    said: frozenset[str] = getattr(service, "operations", frozenset())
    assert said, f"{name} does not say what it answers"
    if not isinstance(service, LambdaService):
        return said
    mappings: frozenset[str] = getattr(service.mappings, "operations", frozenset())
    return mappings | {one for one in model.operation_names if _route(model, one) in said}


def _offering_nothing(model: ServiceModel) -> frozenset[str]:
    routes = {said for said, does in OPERATIONS.items() if does is governing.offer_nothing}
    return frozenset(one for one in model.operation_names if _route(model, one) in routes)


def _route(model: ServiceModel, operation: str) -> str:
    """Say an operation's method and path as ``routes.py`` does."""
    http = model.operation_model(operation).http
    path = str(http["requestUri"]).partition("?")[0].rstrip("/").replace("+}", "}")
    return f"{http['method']} {path}"


def _matching(
    lists: Mapping[str, Sequence[str]], name: str, known: Iterable[str]
) -> frozenset[str]:
    """Find what a list means, and see that each line of it means something."""
    found: set[str] = set()
    for said in lists.get(name, ()):
        pattern = re.compile(re.escape(said).replace(r"\*", ".*"))
        fitting = {one for one in known if pattern.fullmatch(one)}
        assert fitting, f"{name} has no {said}: mend tools/aws_table.py"
        found |= fitting
    return frozenset(found)


def _section(title: str, has: Has) -> str:
    rows = (("Done", has.done), ("Stored only", has.stored), ("Refused", has.refused))
    parts = [
        f"**{word}**: {', '.join(f'`{name}`' for name in names)}\n" for word, names in rows if names
    ]
    wrapped = [fill(one, 160, break_long_words=False, break_on_hyphens=False) for one in parts]
    return f"\n## {title}\n\n" + "\n\n".join(wrapped) + "\n"


def main(arguments: list[str]) -> int:
    """Write or check the page."""
    with TemporaryDirectory() as folder:
        text = write(compare(asyncio.run(ask_services(Path(folder)))))
    if "--check" not in arguments:
        PAGE.write_text(text)
    elif PAGE.read_text() != text:
        print("docs/aws-operations.md is behind: run python -m tools.aws_table", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
