"""Where what a stack made can be reached: its APIs and the URLs of its functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tapwater_server.cli.aws.client import Aws, AwsRefused

_PAGES_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """One address."""

    resource: str
    url: str


async def resources(aws: Aws, stack: str) -> Sequence[Mapping[str, Any]]:
    """List what a stack has made."""
    found: list[Mapping[str, Any]] = []
    more: dict[str, str] = {}
    for _ in range(_PAGES_MAX):
        page = await aws.ask("cloudformation", "list_stack_resources", StackName=stack, **more)
        found += page.get("StackResourceSummaries", ())
        if not page.get("NextToken"):
            break
        more = {"NextToken": page["NextToken"]}
    return found


async def urls_of(aws: Aws, made: Sequence[Mapping[str, Any]]) -> list[Reached]:
    """Find the addresses of what was made."""
    found: list[Reached] = []
    for one in made:
        ask = _ASKED.get(str(one.get("ResourceType")))
        if ask is None or not one.get("PhysicalResourceId"):
            continue
        try:
            urls = await ask(aws, str(one["PhysicalResourceId"]))
        except AwsRefused:
            continue  # It is there, and where it answers is not told: the outputs may.
        name = str(one.get("LogicalResourceId"))
        found += [Reached(resource=name, url=url) for url in urls]
    return found


async def _http_api(aws: Aws, id: str) -> list[str]:
    api = await aws.ask("apigatewayv2", "get_api", ApiId=id)
    if not str(api.get("ApiEndpoint", "")).startswith("http"):
        return []
    stages = await aws.ask("apigatewayv2", "get_stages", ApiId=id)
    names = [str(one["StageName"]) for one in stages.get("Items", ())]
    end = {name: "/" if name == "$default" else f"/{name}/" for name in names}
    return [api["ApiEndpoint"] + end[name] for name in names]


async def _rest_api(aws: Aws, id: str) -> list[str]:
    stages = await aws.ask("apigateway", "get_stages", restApiId=id)
    place = f"{aws.keys.url}/_/aws/execute-api/{id}"  # where it is without a name of its own
    names = [str(one["stageName"]) for one in stages.get("item", ())]
    # SAM makes a stage called "Stage" beside the one that was asked for.
    return [f"{place}/{name}/" for name in names if name != "Stage" or len(names) == 1]


async def _function_url(aws: Aws, name: str) -> list[str]:
    config = await aws.ask("lambda", "get_function_url_config", FunctionName=name)
    return [str(config["FunctionUrl"])]


_ASKED = {
    "AWS::ApiGatewayV2::Api": _http_api,
    "AWS::ApiGateway::RestApi": _rest_api,
    "AWS::Lambda::Url": _function_url,
}
