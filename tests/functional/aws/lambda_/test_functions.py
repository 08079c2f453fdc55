"""Functions made, changed and removed with boto3 and the AWS CLI."""

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.functional.aws.lambda_.conftest import ECHO, ROLE, Functions, code, zipped
from tests.functional.running import Platform

pytestmark = pytest.mark.slow


def refusal(doing: Callable[..., Any], **asked: Any) -> tuple[str, int]:
    """Do what must be refused; give the error's code and status."""
    with pytest.raises(ClientError) as caught:
        doing(**asked)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_from_a_zip_file_to_an_answer(functions: Functions) -> None:
    made = functions.create("Hello_World", Environment={"Variables": {"GREETING": "hi"}})
    functions.client.get_waiter("function_exists").wait(FunctionName="Hello_World")
    functions.client.get_waiter("function_active_v2").wait(FunctionName="Hello_World")
    functions.client.get_waiter("function_updated_v2").wait(FunctionName="Hello_World")
    assert functions.call("Hello_World", {"a": [1]}) == ({"a": [1]}, None, "$LATEST")
    found = functions.client.get_function(FunctionName="Hello_World")
    assert found["Configuration"]["RevisionId"] == made["RevisionId"]
    assert found["Configuration"]["Environment"] == {"Variables": {"GREETING": "hi"}}
    sent = httpx.get(found["Code"]["Location"]).content
    digest = base64.b64encode(hashlib.sha256(sent).digest()).decode()
    assert digest == made["CodeSha256"]
    assert made["CodeSize"] == len(sent)


def test_the_handler_sees_where_it_runs(functions: Functions) -> None:
    source = (
        "import os\n"
        "def handler(event, context):\n"
        "    names = ('AA', 'AWS_LAMBDA_FUNCTION_NAME', 'AWS_LAMBDA_FUNCTION_MEMORY_SIZE',\n"
        "             '_HANDLER', 'AWS_REGION', 'LAMBDA_TASK_ROOT')\n"
        "    return [{n: os.environ.get(n) for n in names}, context.invoked_function_arn,\n"
        "            context.function_version, context.memory_limit_in_mb,\n"
        "            context.client_context.custom, os.getcwd()]\n"
    )
    functions.create("where", source, Environment={"Variables": {"AA": "1"}}, MemorySize=192)
    context = base64.b64encode(b'{"custom": {"k": "v"}}').decode()
    environment, arn, version, memory, custom, folder = functions.call(
        "where", ClientContext=context
    ).value
    assert environment == {
        "AA": "1",
        "AWS_LAMBDA_FUNCTION_NAME": "where",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "192",
        "_HANDLER": "app.handler",
        "AWS_REGION": "us-east-1",
        "LAMBDA_TASK_ROOT": "/var/task",
    }
    assert arn == "arn:aws:lambda:us-east-1:000000000000:function:where"
    assert (version, memory, custom, folder) == ("$LATEST", "192", {"k": "v"}, "/var/task")


def test_updates_take_effect_and_name_what_they_know(functions: Functions) -> None:
    client = functions.client
    made = functions.create("changing")
    source = "def handler(e, c):\n    return c.get_remaining_time_in_millis()\n"
    dry = client.update_function_code(
        FunctionName="changing", ZipFile=code(source)["ZipFile"], DryRun=True
    )
    assert dry["CodeSha256"] != made["CodeSha256"]
    assert functions.call("changing", 1).value == 1
    updated = client.update_function_code(FunctionName="changing", **code(source))
    assert updated["LastUpdateStatus"] == "Successful"
    assert updated["CodeSha256"] == dry["CodeSha256"]
    client.update_function_configuration(FunctionName="changing", Timeout=1000, Description="x")
    assert functions.call("changing").value > 900_000
    stale = {"FunctionName": "changing", "RevisionId": made["RevisionId"]}
    assert refusal(client.update_function_configuration, **stale, Timeout=1) == (
        "PreconditionFailedException",
        412,
    )
    kept = client.get_function_configuration(FunctionName="changing")
    assert (kept["Timeout"], kept["Description"], kept["MemorySize"]) == (1000, "x", 128)


def test_versions_and_aliases(functions: Functions) -> None:
    client = functions.client
    functions.create("versioned", "def handler(e, c):\n    return 1\n", Publish=True)
    assert client.publish_version(FunctionName="versioned")["Version"] == "1", "nothing changed"
    client.update_function_code(
        FunctionName="versioned", Publish=True, **code("def handler(e, c):\n    return 2\n")
    )
    assert [functions.call("versioned", Qualifier=q).value for q in ("1", "2", "$LATEST")] == [
        1, 2, 2,
    ]  # fmt: skip
    client.create_alias(
        FunctionName="versioned",
        Name="live",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}},
    )
    seen = {functions.call("versioned:live").version for _ in range(60)}
    assert seen == {"1", "2"}
    client.update_alias(
        FunctionName="versioned", Name="live", FunctionVersion="2", RoutingConfig={}
    )
    arn = client.get_alias(FunctionName="versioned", Name="live")["AliasArn"]
    assert functions.call(arn).version == "2"
    pages = client.get_paginator("list_versions_by_function").paginate(
        FunctionName="versioned", PaginationConfig={"PageSize": 1}
    )
    assert [one["Version"] for page in pages for one in page["Versions"]] == ["$LATEST", "1", "2"]
    held = {"FunctionName": "versioned", "Qualifier": "2"}
    assert refusal(client.delete_function, **held) == ("ResourceConflictException", 409)
    client.delete_function(FunctionName="versioned", Qualifier="1")
    assert refusal(client.invoke, FunctionName="versioned", Qualifier="1") == (
        "ResourceNotFoundException",
        404,
    )
    client.delete_alias(FunctionName="versioned", Name="live")
    assert client.list_aliases(FunctionName="versioned")["Aliases"] == []


def test_layers_lie_below_opt(functions: Functions) -> None:
    client = functions.client
    content = {"ZipFile": zipped({"python/tools.py": "ANSWER = 42"})}
    first, layer = (
        client.publish_layer_version(
            LayerName="tools", Content=content, CompatibleRuntimes=[runtime]
        )
        for runtime in ("python3.11", "python3.12")
    )
    assert (first["Version"], layer["Version"]) == (1, 2)
    assert httpx.get(layer["Content"]["Location"]).content[:2] == b"PK"
    source = "import tools\ndef handler(e, c):\n    return tools.ANSWER\n"
    made = functions.create("layered", source, Layers=[layer["LayerVersionArn"]])
    assert made["Layers"][0]["Arn"] == layer["LayerVersionArn"]
    assert functions.call("layered").value == 42
    listed = client.list_layer_versions(LayerName="tools", CompatibleRuntime="python3.11")
    assert [one["Version"] for one in listed["LayerVersions"]] == [1]
    assert client.get_layer_version_by_arn(Arn=layer["LayerVersionArn"])["Version"] == 2
    client.delete_layer_version(LayerName="tools", VersionNumber=2)
    missing = {"LayerName": "tools", "VersionNumber": 2}
    assert refusal(client.get_layer_version, **missing) == ("ResourceNotFoundException", 404)
    client.update_function_code(FunctionName="layered", **code(source + "\n"))
    assert functions.call("layered").value == 42, "who has a layer keeps it"
    gone = {"Layers": [layer["LayerVersionArn"]], "Code": code(ECHO), "Role": ROLE}
    assert refusal(
        client.create_function,
        FunctionName="late",
        Runtime="python3.11",
        Handler="app.handler",
        **gone,
    ) == ("InvalidParameterValueException", 400)


def test_code_may_lie_in_a_bucket(functions: Functions, client: Callable[..., Any]) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="lambda-code")
    s3.put_object(Bucket="lambda-code", Key="one.zip", Body=code(ECHO)["ZipFile"])
    source = {"S3Bucket": "lambda-code", "S3Key": "one.zip"}
    functions.create("from-bucket", Code=source)
    assert functions.call("from-bucket", "x").value == "x"
    source = {"S3Bucket": "lambda-code", "S3Key": "none.zip"}
    create = functions.create
    assert refusal(create, name="none", Code=source) == ("InvalidParameterValueException", 400)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"Code": {"ZipFile": b"no zip"}}, "InvalidParameterValueException"),
        ({"Code": {"ZipFile": zipped({})}}, "InvalidParameterValueException"),
        ({"Code": {"ZipFile": zipped({"../x": ""})}}, "InvalidParameterValueException"),
        ({"Runtime": "java21"}, "InvalidParameterValueException"),
        ({"Runtime": "cobol"}, "ValidationException"),
        ({"MemorySize": 50_000}, "ValidationException"),
        ({"PackageType": "Image", "Code": {"ImageUri": "x"}}, "InvalidParameterValueException"),
    ],
)
def test_what_cannot_be_made_is_refused(
    functions: Functions, options: dict[str, Any], code: str
) -> None:
    assert refusal(functions.create, name="refused", **options) == (code, 400)
    assert refusal(functions.client.get_function, FunctionName="refused")[1] == 404


def test_a_function_of_another_account_is_not_made_here(functions: Functions) -> None:
    name = "arn:aws:lambda:us-east-1:162489073725:function:theirs"
    assert refusal(functions.create, name=name) == ("AccessDeniedException", 403)


def test_lists_come_in_pages(functions: Functions) -> None:
    for number in range(3):
        functions.create(f"page-{number}")
    pages = functions.client.get_paginator("list_functions").paginate(
        PaginationConfig={"PageSize": 2}
    )
    names = [one["FunctionName"] for page in pages for one in page["Functions"]]
    assert {"page-0", "page-1", "page-2"} <= set(names)
    assert len(names) == len(set(names))


def test_a_removed_function_can_be_made_again(functions: Functions, aws: Platform) -> None:
    functions.create("again", "def handler(e, c):\n    return 1\n", Publish=True)
    functions.client.delete_function(FunctionName="again")
    assert "again" not in {app["name"] for app in aws.api("GET", "/apps").json()["apps"]}
    assert refusal(functions.client.get_function, FunctionName="again")[1] == 404
    functions.create("again", "def handler(e, c):\n    return 2\n")
    assert functions.call("again").value == 2
    versions = functions.client.list_versions_by_function(FunctionName="again")["Versions"]
    assert [one["Version"] for one in versions] == ["$LATEST"]


def test_the_settings_that_are_only_kept(functions: Functions) -> None:
    client = functions.client
    arn = functions.create("kept", Tags={"team": "a"})["FunctionArn"]
    client.tag_resource(Resource=arn, Tags={"x": "1"})
    client.untag_resource(Resource=arn, TagKeys=["team"])
    assert client.list_tags(Resource=arn)["Tags"] == {"x": "1"}
    client.put_function_recursion_config(FunctionName="kept", RecursiveLoop="Allow")
    assert client.get_function_recursion_config(FunctionName="kept")["RecursiveLoop"] == "Allow"
    client.put_runtime_management_config(FunctionName="kept", UpdateRuntimeOn="FunctionUpdate")
    managed = client.get_runtime_management_config(FunctionName="kept")
    assert managed["UpdateRuntimeOn"] == "FunctionUpdate"
    destination = {"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:000000000000:q"}}
    client.put_function_event_invoke_config(
        FunctionName="kept", MaximumRetryAttempts=0, DestinationConfig=destination
    )
    client.update_function_event_invoke_config(FunctionName="kept", MaximumEventAgeInSeconds=60)
    config = client.get_function_event_invoke_config(FunctionName="kept")
    assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (0, 60)
    assert config["DestinationConfig"]["OnFailure"] == destination["OnFailure"]
    client.delete_function_event_invoke_config(FunctionName="kept")
    signing = client.create_code_signing_config(
        AllowedPublishers={
            "SigningProfileVersionArns": ["arn:aws:signer:us-east-1:000000000000:/x"]
        },
        CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Enforce"},
    )["CodeSigningConfig"]["CodeSigningConfigArn"]
    client.put_function_code_signing_config(FunctionName="kept", CodeSigningConfigArn=signing)
    attached = client.list_functions_by_code_signing_config(CodeSigningConfigArn=signing)
    assert attached["FunctionArns"] == [arn]
    update = client.update_function_code
    refused = refusal(update, FunctionName="kept", **code(ECHO))
    assert refused == ("CodeVerificationFailedException", 400)
    client.delete_function_code_signing_config(FunctionName="kept")
    client.delete_code_signing_config(CodeSigningConfigArn=signing)
    assert client.get_account_settings()["AccountUsage"]["FunctionCount"] > 0


def test_the_command_line_goes_through_all_of_it(
    aws_cli: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "f.zip").write_bytes(code(ECHO)["ZipFile"])
    out = tmp_path / "out.json"
    aws_cli(
        "lambda", "create-function", "--function-name", "by-cli", "--runtime", "python3.11",
        "--role", ROLE, "--handler", "app.handler", "--zip-file", f"fileb://{tmp_path}/f.zip",
    )  # fmt: skip
    aws_cli("lambda", "wait", "function-active-v2", "--function-name", "by-cli")
    said = aws_cli(
        "lambda", "invoke", "--function-name", "by-cli", "--payload", '{"n": 1}',
        "--log-type", "Tail", str(out),
    )  # fmt: skip
    assert json.loads(out.read_text()) == {"n": 1}
    assert "REPORT RequestId" in base64.b64decode(json.loads(said)["LogResult"]).decode()
    aws_cli("lambda", "delete-function", "--function-name", "by-cli")
    gone = aws_cli("lambda", "get-function", "--function-name", "by-cli", fails=True)
    assert "ResourceNotFoundException" in gone
