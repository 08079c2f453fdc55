"""What a template holds, in words: "3 functions, 1 API, 1 queue". Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

_WORDS: Mapping[str, str] = {
    "AWS::Serverless::Function": "function",
    "AWS::Lambda::Function": "function",
    "AWS::Serverless::LayerVersion": "layer",
    "AWS::Lambda::LayerVersion": "layer",
    "AWS::Serverless::Api": "API",
    "AWS::Serverless::HttpApi": "API",
    "AWS::ApiGateway::RestApi": "API",
    "AWS::ApiGatewayV2::Api": "API",
    "AWS::SQS::Queue": "queue",
    "AWS::SNS::Topic": "topic",
    "AWS::S3::Bucket": "bucket",
    "AWS::Events::Rule": "rule",
    "AWS::Scheduler::Schedule": "schedule",
    "AWS::Serverless::SimpleTable": "table",
    "AWS::DynamoDB::Table": "table",
}
_ORDER = ("function", "API", "function URL", "schedule", "rule", "queue", "topic", "bucket")
_PLURALS = {"function URL": "function URLs"}
_BY_EVENT = {"Schedule": "schedule", "ScheduleV2": "schedule", "EventBridgeRule": "rule"}
_IMPLIED = {"Api": "RestApiId", "HttpApi": "ApiId"}


def counted(template: Mapping[str, Any]) -> str:
    """Say what there is, the most important first.

    >>> function = {"Type": "AWS::Serverless::Function", "Properties": {"Events": {
    ...     "Hello": {"Type": "HttpApi"}, "Often": {"Type": "Schedule"}}}}
    >>> counted({"Resources": {"F": function, "Q": {"Type": "AWS::SQS::Queue"}}})
    '1 function, 1 API, 1 schedule, 1 queue'
    """
    found: Counter[str] = Counter()
    implied: set[str] = set()
    for resource in resources_of(template).values():
        kind = str(resource.get("Type", ""))
        found[_WORDS.get(kind, "other resource")] += 1
        if kind == "AWS::Serverless::Function":
            _count_events(resource, found, implied)
    found["API"] += len(implied)
    rest = sorted(word for word in found if word not in _ORDER)
    words = [word for word in (*_ORDER, *rest) if found[word]]
    return ", ".join(f"{found[word]} {_many(word, found[word])}" for word in words) or "nothing"


def resources_of(template: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The resources that look like any."""
    found = template.get("Resources")
    if not isinstance(found, Mapping):
        return {}
    return {str(name): one for name, one in found.items() if isinstance(one, Mapping)}


def events_of(function: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Give name, type and properties of each event of a SAM function."""
    properties = function.get("Properties")
    events = properties.get("Events") if isinstance(properties, Mapping) else None
    for name, event in events.items() if isinstance(events, Mapping) else ():
        if isinstance(event, Mapping):
            said = event.get("Properties")
            yield str(name), str(event.get("Type", "")), said if isinstance(said, Mapping) else {}


def _count_events(function: Mapping[str, Any], found: Counter[str], implied: set[str]) -> None:
    for _, kind, properties in events_of(function):
        if kind in _BY_EVENT:
            found[_BY_EVENT[kind]] += 1
        if kind in _IMPLIED and _IMPLIED[kind] not in properties:
            implied.add(kind)
    if "FunctionUrlConfig" in function.get("Properties", {}):
        found["function URL"] += 1


def _many(word: str, count: int) -> str:
    return word if count == 1 else _PLURALS.get(word, f"{word}s")
