"""serverless.yml: its variables, and the template that comes of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tapwater_server.cli.aws.reading import parse
from tapwater_server.cli.aws.serverless.converting import Template, convert_service
from tapwater_server.cli.aws.serverless.opening import open_serverless
from tapwater_server.cli.aws.serverless.variables import Resolver

HEAD = "service: s\nprovider: {name: aws, runtime: python3.11}\n"


def resolver(text: str, **options: str) -> Resolver:
    """Make the resolver of a text."""
    files = {"./c.yml": {"deep": {"er": 7}}, "t.txt": "text"}
    return Resolver(
        service=parse(text, "serverless.yml").value,
        options=options,
        environment={"HOME_TOWN": "Rome"},
        read=files.get,
    )


def resolved(value: str, text: str = HEAD, **options: str) -> tuple[Any, list[str]]:
    """Fill in one value."""
    one = resolver(text, **options)
    found = one.resolve(value)
    return found, [what for _, what in one.problems]


CUSTOM = HEAD + "custom: {a: 1, list: [x, y], dev: {b: two}, chain: '${self:custom.a}'}\n"


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("${self:custom.a}", 1),
        ("${self:custom.list}", ["x", "y"]),
        ("${self:custom.list.1}", "y"),
        ("${self:custom.${sls:stage}.b}", "two"),
        ("${self:custom.chain}", 1),
        ("x-${self:custom.a}-${opt:stage, 'none'}", "x-1-none"),
        ("${opt:gone, self:custom.gone, 'last'}", "last"),
        ("${opt:gone, ''}", ""),
        ("${opt:gone, true}", True),
        ("${opt:gone, 512}", 512),
        ("${env:HOME_TOWN}", "Rome"),
        ("${file(./c.yml):deep.er}", 7),
        ("${file(t.txt)}", "text"),
        ("${file(gone.yml):x, 'else'}", "else"),
        ("${param:gone, 'p'}", "p"),
        ("arn:${AWS::Region}:${Queue.Arn}", "arn:${AWS::Region}:${Queue.Arn}"),
        ("${AWS::StackName}-${self:custom.a}", "${AWS::StackName}-1"),
        ("a, b: ${opt:gone, 'x, y'}", "a, b: x, y"),
    ],
)
def test_variables(written: str, means: Any) -> None:
    assert resolved(written, CUSTOM) == (means, [])


@pytest.mark.parametrize(
    ("page", "stage"),
    [
        (HEAD, "dev"),
        ("service: s\nprovider: {name: aws, stage: '${opt:stage}'}\n", "dev"),
        ("service: s\nprovider: {name: aws, stage: \"${opt:stage, 'test'}\"}\n", "test"),
    ],
)
def test_the_stage_and_what_older_files_rely_on(page: str, stage: str) -> None:
    assert resolver(page).stage() == stage
    assert resolver(page, stage="prod").stage() == "prod"
    assert resolved("${opt:stage, self:provider.stage}-${aws:region}", page)[0] == (
        f"{stage}-us-east-1"
    )


def test_of_another_cloud_only_that_is_said() -> None:
    page = "service: s\nprovider: {name: azure}\nfunctions: {f: {events: [{http: true}]}}\n"
    made = convert_service(parse(page, "serverless.yml").value, stage="dev")
    assert [what for _, what in made.problems] == [
        "the provider is 'azure'; only aws is understood"
    ]


def test_what_has_no_value_is_a_problem_with_its_place() -> None:
    one = resolver(CUSTOM + "functions: {f: {handler: '${env:GONE}'}}\n")
    one.resolve(one.service)
    assert one.problems == [
        (("functions", "f", "handler"), "${env:GONE} has no value, and no default is given")
    ]


@pytest.mark.parametrize("text", ["${self:custom.x}", "${self:custom.list} in a text"])
def test_circles_and_lists_in_texts_are_problems(text: str) -> None:
    page = HEAD + "custom: {x: '${self:custom.y}', y: '${self:custom.x}', list: [1]}\n"
    assert resolved(text, page)[1]


def test_parameters_by_stage() -> None:
    page = HEAD + "params: {default: {size: 1}, prod: {size: 9}}\n"
    assert resolved("${param:size}", page, stage="prod")[0] == 9
    assert resolved("${param:size}", page, stage="test")[0] == 1
    assert resolved("${param:size}", page, size="4")[0] == "4"


def converted(text: str, stage: str = "dev") -> Template:
    """Convert a service without variables."""
    return convert_service(parse(HEAD + text, "serverless.yml").value, stage=stage)


def events(text: str) -> Mapping[str, Any]:
    """Give the events of a function that has these."""
    made = converted(f"functions: {{f: {{handler: a.b, events: {text}}}}}")
    assert not made.problems
    found: Mapping[str, Any] = made.template["Resources"]["FLambdaFunction"]["Properties"]["Events"]
    return found


@pytest.mark.parametrize(
    ("written", "kind", "properties"),
    [
        (
            "[{httpApi: 'GET /x/{id}'}]",
            "HttpApi",
            {"Path": "/x/{id}", "Method": "get", "ApiId": {"Ref": "HttpApi"}},
        ),
        (
            "[{httpApi: '*'}]",
            "HttpApi",
            {"Path": "$default", "Method": "any", "ApiId": {"Ref": "HttpApi"}},
        ),
        (
            "[{http: {path: x, method: post}}]",
            "Api",
            {"Path": "/x", "Method": "post", "RestApiId": {"Ref": "ApiGatewayRestApi"}},
        ),
        ("[{schedule: rate(1 hour)}]", "Schedule", {"Schedule": "rate(1 hour)"}),
        (
            "[{schedule: {rate: 'cron(0 1 * * ? *)', method: scheduler, timezone: Europe/Rome}}]",
            "ScheduleV2",
            {
                "ScheduleExpression": "cron(0 1 * * ? *)",
                "ScheduleExpressionTimezone": "Europe/Rome",
            },
        ),
        (
            "[{sqs: {arn: 'arn:q', batchSize: 5, functionResponseType: ReportBatchItemFailures}}]",
            "SQS",
            {
                "Queue": "arn:q",
                "BatchSize": 5,
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
            },
        ),
        ("[{sns: news}]", "SNS", {"Topic": {"Ref": "SNSTopicNews"}}),
        (
            "[{s3: {bucket: pics, rules: [{suffix: .png}]}}]",
            "S3",
            {
                "Bucket": {"Ref": "S3BucketPics"},
                "Events": "s3:ObjectCreated:*",
                "Filter": {"S3Key": {"Rules": [{"Name": "suffix", "Value": ".png"}]}},
            },
        ),
        (
            "[{eventBridge: {eventBus: shop, pattern: {source: [a]}}}]",
            "EventBridgeRule",
            {"Pattern": {"source": ["a"]}, "EventBusName": "shop"},
        ),
    ],
)
def test_events(written: str, kind: str, properties: Mapping[str, Any]) -> None:
    (event,) = events(written).values()
    assert event == {"Type": kind, "Properties": properties}


def test_functions_have_what_the_provider_says_and_their_own() -> None:
    made = convert_service(
        parse(
            """
service: shop
provider:
  {name: aws, runtime: python3.12, memorySize: 512, environment: {A: 1, B: true}, stage: dev}
functions:
  one: {handler: a.b}
  two: {handler: a.c, memorySize: 128, timeout: 9, environment: {A: x}, name: mine, url: true}
""",
            "serverless.yml",
        ).value,
        stage="prod",
    )
    resources = made.template["Resources"]
    one, two = (resources[f"{n}LambdaFunction"]["Properties"] for n in ("One", "Two"))
    assert made.stack == "shop-prod"
    assert (one["FunctionName"], one["MemorySize"], one["Timeout"]) == ("shop-prod-one", 512, 6)
    assert one["Environment"]["Variables"] == {"A": "1", "B": "true"}
    assert (two["FunctionName"], two["MemorySize"], two["Timeout"]) == ("mine", 128, 9)
    assert two["Environment"]["Variables"] == {"A": "x", "B": "true"}
    assert two["FunctionUrlConfig"] == {"AuthType": "NONE"}
    assert resources["IamRoleLambdaExecution"]["Type"] == "AWS::IAM::Role"


def test_resources_are_merged_and_extended() -> None:
    made = converted("""
functions: {f: {handler: a.b}}
resources:
  - Resources: {Q: {Type: AWS::SQS::Queue}}
    extensions: {FLambdaFunction: {Properties: {Tags: {a: b}}}}
  - Outputs: {Q: {Value: 1}}
""")
    resources = made.template["Resources"]
    assert resources["Q"] == {"Type": "AWS::SQS::Queue"}
    assert resources["FLambdaFunction"]["Properties"]["Tags"] == {"a": "b"}
    assert made.template["Outputs"] == {"Q": {"Value": 1}}


def test_what_has_no_counterpart_is_said_and_not_left_out_in_silence() -> None:
    made = converted("""
plugins: [serverless-offline, serverless-webpack, serverless-python-requirements, other]
custom: {pythonRequirements: {layer: true}}
stepFunctions: {}
functions:
  f:
    handler: a.b
    strange: 1
    events: [{stream: arn}, {alb: {}}, {http: {path: x, method: get, async: true}}]
  g: {image: x}
""")
    said = [what for _, what in made.problems]
    assert [what for what in said if what.startswith("f: ")] == [
        "f: strange is not understood here",
        "f: the event stream has no counterpart here",
        "f: the event alb has no counterpart here",
        "f: http: async: not understood here",
    ]
    assert "g: container images are not run here" in said
    assert "stepFunctions is not understood here" in said
    assert any("serverless-webpack builds code" in what for what in said)
    assert any("pythonRequirements.layer" in what for what in said)
    assert [note.split(" is ")[0] for note in made.notes] == [
        "the plugin serverless-offline",
        "the plugin other",
    ]


def test_a_project_is_opened_with_patterns_and_places(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("")
    (tmp_path / "serverless.yml").write_text(
        HEAD + "package: {patterns: ['!tests/**']}\n"
        "functions:\n  f: {handler: a.b, package: {patterns: ['!big.bin']}}\n"
        "  g:\n    handler: gone.b\n    environment: {X: '${env:NOT_THERE_AT_ALL}'}\n"
    )
    found = open_serverless(tmp_path / "serverless.yml", name=None, stage="x", parameters={})
    assert found.stack == "s-x"
    assert found.packages[0].patterns[-2:] == ("!tests/**", "!big.bin")
    assert {one.where for one in found.problems} == {"serverless.yml:7", "serverless.yml:8"}
