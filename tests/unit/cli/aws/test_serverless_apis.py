"""Authorizers, CORS, keys and buckets of others in a serverless.yml; variables of the account."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from tapwater_server.cli.aws.client import AwsRefused
from tapwater_server.cli.aws.reading import parse
from tapwater_server.cli.aws.serverless.converting import Template, convert_service
from tapwater_server.cli.aws.serverless.opening import open_serverless
from tapwater_server.cli.aws.serverless.outside import look_outside
from tapwater_server.cli.aws.serverless.variables import Resolver

HEAD = "service: s\nprovider:\n  name: aws\n  runtime: python3.11\n"


def converted(text: str) -> Template:
    """Convert a service; its text goes on within the provider."""
    return convert_service(parse(HEAD + text, "serverless.yml").value, stage="dev")


def function(event: str, provider: str = "") -> tuple[Template, Any]:
    """Convert a service of one function with one event, and give that."""
    guard = "  guard: {handler: a.c}\n"
    made = converted(f"{provider}functions:\n  f: {{handler: a.b, events: [{event}]}}\n{guard}")
    properties = made.template["Resources"]["FLambdaFunction"]["Properties"]
    return made, next(iter(properties.get("Events", {}).values()), None)


@pytest.mark.parametrize(
    ("written", "kind", "identity"),
    [
        ("guard", "TOKEN", {"Header": "Authorization", "ReauthorizeEvery": 300}),
        (
            "{name: guard, resultTtlInSeconds: 0, identityValidationExpression: 'B .*', "
            "identitySource: method.request.header.X-Key}",
            "TOKEN",
            {"Header": "X-Key", "ReauthorizeEvery": 0, "ValidationExpression": "B .*"},
        ),
        (
            "{name: guard, type: request, identitySource: 'method.request.header.A, "
            "method.request.querystring.b'}",
            "REQUEST",
            {"Headers": ["A"], "QueryStrings": ["b"], "ReauthorizeEvery": 300},
        ),
    ],
)
def test_functions_guard_a_rest_api(written: str, kind: str, identity: Any) -> None:
    made, event = function(f"{{http: {{path: x, method: get, authorizer: {written}}}}}")
    assert not made.problems
    assert event["Properties"]["Auth"] == {"Authorizer": "guard"}
    api = made.template["Resources"]["ApiGatewayRestApi"]["Properties"]
    assert api["Auth"]["Authorizers"]["guard"] == {
        "FunctionArn": {"Fn::GetAtt": ["GuardLambdaFunction", "Arn"]},
        "FunctionPayloadType": kind,
        "Identity": identity,
    }


def test_a_function_elsewhere_and_keys_guard_a_rest_api() -> None:
    arn = "arn:aws:lambda:us-east-1:000000000000:function:check-it"
    made, event = function(f"{{http: {{path: x, method: get, authorizer: {{arn: '{arn}'}}}}}}")
    assert event["Properties"]["Auth"] == {"Authorizer": "checkit"}
    api = made.template["Resources"]["ApiGatewayRestApi"]["Properties"]
    assert api["Auth"]["Authorizers"]["checkit"]["FunctionArn"] == arn
    _, event = function("{http: {path: x, method: get, authorizer: aws_iam, private: true}}")
    assert event["Properties"]["Auth"] == {
        "Authorizer": "AWS_IAM",
        "InvokeRole": "NONE",
        "ApiKeyRequired": True,
    }


HTTP = """  httpApi:
    cors: {allowedOrigins: ['https://a.example'], maxAge: 60}
    payload: '1.0'
    authorizers:
      jwt: {identitySource: $request.header.Authorization, issuerUrl: 'https://i', audience: me}
      mine: {type: request, functionName: guard, enableSimpleResponses: true}
"""


def test_an_http_api_with_authorizers_and_cors() -> None:
    made, event = function("{httpApi: {method: get, path: /x, authorizer: {name: jwt}}}", HTTP)
    assert not made.problems
    assert event["Properties"]["Auth"] == {"Authorizer": "jwt"}
    assert event["Properties"]["PayloadFormatVersion"] == "1.0"
    api = made.template["Resources"]["HttpApi"]["Properties"]
    assert api["CorsConfiguration"] == {"AllowOrigins": ["https://a.example"], "MaxAge": 60}
    authorizers = api["Auth"]["Authorizers"]
    assert authorizers["jwt"]["JwtConfiguration"] == {"issuer": "https://i", "audience": ["me"]}
    assert authorizers["mine"]["FunctionArn"] == {"Fn::GetAtt": ["GuardLambdaFunction", "Arn"]}
    assert authorizers["mine"]["Identity"]["Headers"] == ["Authorization"]
    made, event = function("{httpApi: {method: get, path: /x, authorizer: {type: aws_iam}}}")
    assert event["Properties"]["Auth"] == {"Authorizer": "AWS_IAM"}
    assert made.template["Resources"]["HttpApi"]["Properties"]["Auth"] == {
        "EnableIamAuthorizer": True
    }


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ("{http: {path: x, method: get, authorizer: {type: COGNITO_USER_POOLS}}}", "Cognito"),
        ("{http: {path: x, method: get, authorizer: {type: CUSTOM, authorizerId: x}}}", "another"),
        ("{httpApi: {method: get, path: /x, authorizer: {name: gone}}}", "has no 'gone'"),
        ("{websocket: $connect}", "no counterpart"),
    ],
)
def test_what_cannot_guard_is_said(event: str, why: str) -> None:
    made, _ = function(event)
    ((_, what),) = made.problems
    assert why in what


def test_keys_and_a_plan_for_a_rest_api() -> None:
    made, _ = function(
        "{http: {path: x, method: get, private: true}}",
        "  apiGateway:\n    minimumCompressionSize: 9\n    apiKeys: [one, {name: two, value: v}]\n"
        "    usagePlan: {quota: {limit: 5, period: DAY}, throttle: {rateLimit: 2}}\n",
    )
    assert not made.problems
    resources = made.template["Resources"]
    assert resources["ApiGatewayRestApi"]["Properties"]["MinimumCompressionSize"] == 9
    plan = resources["ApiGatewayUsagePlan"]["Properties"]
    assert (plan["Quota"], plan["Throttle"]) == ({"Limit": 5, "Period": "DAY"}, {"RateLimit": 2})
    assert resources["ApiGatewayApiKey2"]["Properties"] == {
        "Enabled": True,
        "Name": "two",
        "Value": "v",
    }


def test_an_api_of_another_stack_is_refused_and_strange_words_are_notes() -> None:
    made = converted(
        "  apiGateway: {restApiId: x}\n  httpApi: {id: y}\n  tracing: {lambda: true}\n"
    )
    assert [what.partition(":")[0] for _, what in made.problems] == [
        "provider.apiGateway.restApiId",
        "provider.httpApi.id",
    ]
    assert made.notes == ("provider.tracing does nothing here",)


def test_a_bucket_that_is_there_already() -> None:
    event = (
        "{s3: {bucket: pics, existing: true, event: 's3:ObjectRemoved:*', rules: [{prefix: a}]}}"
    )
    made, _ = function(event)
    (one,) = made.notified
    assert (one.bucket, one.function) == ("pics", "FLambdaFunction")
    assert one.said == {
        "Events": ["s3:ObjectRemoved:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "a"}]}},
    }
    assert "S3BucketPics" not in made.template["Resources"]
    permission = made.template["Resources"]["FLambdaFunctionPicsS3Permission"]["Properties"]
    assert permission["SourceArn"] == "arn:aws:s3:::pics"


def test_a_role_of_its_own() -> None:
    made = converted(
        "  iamRoleStatements: [{Sid: Shared}]\nplugins: [serverless-iam-roles-per-function]\n"
        "functions: {f: {handler: a.b, iamRoleStatements: [{Sid: Own}], "
        "iamRoleStatementsInherit: true}}\n"
    )
    assert (made.problems, made.notes) == ((), ())
    role = made.template["Resources"]["FIamRoleLambdaExecution"]["Properties"]
    statements = role["Policies"][0]["PolicyDocument"]["Statement"]
    assert [one.get("Sid") for one in statements] == ["Own", "Shared", None]


class Account:
    """An account that holds a little of everything."""

    def ask(self, service: str, operation: str, **asked: Any) -> Mapping[str, Any]:
        found: Any = _HELD.get((service, next(iter(asked.values()))))
        if found is None:
            code = "ParameterNotFound" if service == "ssm" else "AccessDenied"
            raise AwsRefused({"Error": {"Code": code}}, operation)
        answer: Mapping[str, Any] = found() if callable(found) else found
        return answer


_HELD: Mapping[tuple[str, str], Any] = {
    ("ssm", "/db/url"): {"Parameter": {"Type": "SecureString", "Value": "postgres:"}},
    ("ssm", "zones"): {"Parameter": {"Type": "StringList", "Value": "a,b"}},
    ("secretsmanager", "db"): {"SecretString": '{"user": "ada"}'},
    ("cloudformation", "net-dev"): {
        "Stacks": [{"Outputs": [{"OutputKey": "Q", "OutputValue": "u"}]}]
    },
    ("s3", "conf"): lambda: {"Body": BytesIO(b"on")},
}


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("${ssm:/db/url}", "postgres:"),
        ("${ssm:zones}", ["a", "b"]),
        ("${ssm:gone, 'else'}", "else"),
        ("${ssm:/aws/reference/secretsmanager/db}", {"user": "ada"}),
        ("${ssm(raw):/aws/reference/secretsmanager/db}", '{"user": "ada"}'),
        ("${cf:net-dev.Q}", "u"),
        ("${cf(eu-west-1):net-dev.gone, 'none'}", "none"),
        ("x${s3:conf/a/b.txt}", "xon"),
    ],
)
def test_variables_of_the_account(written: str, means: Any) -> None:
    def outside(source: str, address: str, argument: str) -> Any:
        return look_outside(Account().ask, source, address, argument)

    one = Resolver(service={}, options={}, environment={}, read=lambda _: None, outside=outside)
    assert (one.resolve(written), one.problems) == (means, [])


def test_what_may_not_be_read_is_not_passed_over() -> None:
    with pytest.raises(AwsRefused):
        look_outside(Account().ask, "s3", "secret/key", "")


def test_dotenv_files_of_the_stage_win(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("")
    (tmp_path / ".env").write_text("A=1\n# B=0\nexport B='2'\n")
    (tmp_path / ".env.prod").write_text("A=9\n")
    page = "plugins: [serverless-dotenv-plugin]\nfunctions: {f: {handler: a.b}}\n"
    (tmp_path / "serverless.yml").write_text(HEAD + "  environment: {C: '${env:B}'}\n" + page)
    found = open_serverless(tmp_path / "serverless.yml", name=None, stage="prod", parameters={})
    properties = found.template["Resources"]["FLambdaFunction"]["Properties"]
    assert properties["Environment"]["Variables"] == {"A": "9", "B": "2", "C": "2"}
