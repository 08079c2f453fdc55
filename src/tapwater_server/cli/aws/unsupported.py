"""What of a template has no counterpart here, all of it at once, before anything is done. Pure."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from tapwater_server.cli.aws.counting import events_of, resources_of
from tapwater_server.cli.aws.reading import Document
from tapwater_server.cli.failures import Problem

_EVENTS = {
    "Kinesis": "there are no Kinesis streams here",
    "DynamoDB": "there are no DynamoDB streams here",
    "MSK": "there is no Kafka here",
    "SelfManagedKafka": "Kafka is not listened to",
    "MQ": "there is no Amazon MQ here",
    "DocumentDB": "there is no DocumentDB here",
    "Cognito": "there are no Cognito user pools here",
    "IoTRule": "there are no IoT rules here",
    "AlexaSkill": "Alexa is not listened to",
    "CloudWatchLogs": "subscriptions to logs are not there",
}
# What SAM makes of its own types; the rest it makes of what everybody has.
_MADE_OF: Mapping[str, str] = {
    "AWS::Serverless::Function": "AWS::Lambda::Function",
    "AWS::Serverless::LayerVersion": "AWS::Lambda::LayerVersion",
    "AWS::Serverless::Api": "AWS::ApiGateway::RestApi",
    "AWS::Serverless::HttpApi": "AWS::ApiGatewayV2::Api",
    "AWS::Serverless::SimpleTable": "AWS::DynamoDB::Table",
    "AWS::Serverless::StateMachine": "AWS::StepFunctions::StateMachine",
    "AWS::Serverless::Application": "AWS::CloudFormation::Stack",
    "AWS::Serverless::GraphQLApi": "AWS::AppSync::GraphQLApi",
    "AWS::Serverless::Connector": "AWS::IAM::ManagedPolicy",
}


def unsupported(template: Mapping[str, Any], document: Document) -> Iterator[Problem]:
    """Name events and packages that nothing here answers to."""
    for name, resource in resources_of(template).items():
        properties = resource.get("Properties")
        properties = properties if isinstance(properties, Mapping) else {}
        if properties.get("PackageType") == "Image" or "ImageUri" in properties:
            where = document.where("Resources", name)
            yield Problem(where=where, what=f"{name}: container images are not run here")
        for event, kind, _ in events_of(resource):
            if kind in _EVENTS:
                where = document.where("Resources", name, "Properties", "Events", event)
                yield Problem(where=where, what=f"{name}.{event}: {_EVENTS[kind]}")


def unmade(
    template: Mapping[str, Any], document: Document, types: Collection[str]
) -> Iterator[Problem]:
    """Name the resources of types that the server does not make."""
    for name, resource in resources_of(template).items():
        kind = str(resource.get("Type", ""))
        if _MADE_OF.get(kind, kind) in types or kind in types:
            continue
        if kind.startswith("Custom::") and "AWS::CloudFormation::CustomResource" in types:
            continue
        yield Problem(
            where=document.where("Resources", name), what=f"{name}: there is no {kind} here"
        )


def parameters_missing(
    template: Mapping[str, Any], given: Mapping[str, str], document: Document
) -> Iterator[Problem]:
    """Name parameters that must be given and are not, and those that nobody asked for."""
    declared = template.get("Parameters")
    declared = declared if isinstance(declared, Mapping) else {}
    for name, one in declared.items():
        if name not in given and not (isinstance(one, Mapping) and "Default" in one):
            yield Problem(
                where=document.where("Parameters", str(name)),
                what=f"the parameter {name} has no default: give --parameter {name}=VALUE",
            )
    for name in given:
        if name not in declared:
            yield Problem(where="--parameter", what=f"the template has no parameter {name}")
