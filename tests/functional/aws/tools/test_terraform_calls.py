"""What Terraform's AWS provider asks for: the calls, the "not set" errors, the states it waits for.

Terraform itself was not run: its provider could not be had. Functions, buckets, roles, queues and
log groups follow the provider's source (of buckets and roles an older one); topics, rules,
schedules and both kinds of APIs are as its resources are known to work, not read.
"""

import json

from tests.functional.aws.tools.terraform import (
    ACCOUNT,
    REGION,
    Client,
    unset,
    zipped,
)


def test_configuring(client: Client) -> None:
    said = client("sts").get_caller_identity()
    assert (said["Account"], said["Arn"].split(":")[1]) == (ACCOUNT, "aws")
    assert client("iam").list_account_aliases()["AccountAliases"] == []


def test_functions(client: Client, function: str) -> None:
    functions = client("lambda")
    read = functions.get_function(FunctionName=function)
    assert read["Configuration"]["TracingConfig"] == {"Mode": "PassThrough"}
    assert read["Configuration"]["EphemeralStorage"] == {"Size": 512}
    assert read["Tags"] == {"by": "tf"}
    assert "Concurrency" not in read  # -1 in the state
    versions = functions.list_versions_by_function(FunctionName=function, MaxItems=10_000)
    assert versions["Versions"][-1]["Version"] == "$LATEST"
    signing = functions.get_function_code_signing_config(FunctionName=function)
    assert not signing.get("CodeSigningConfigArn")

    functions.update_function_configuration(
        FunctionName=function, Timeout=5, Environment={"Variables": {}}, Layers=[],
        VpcConfig={"Ipv6AllowedForDualStack": False, "SecurityGroupIds": [], "SubnetIds": []},
        DeadLetterConfig={"TargetArn": ""},
    )  # fmt: skip
    functions.get_waiter("function_updated_v2").wait(FunctionName=function)
    functions.update_function_code(
        FunctionName=function, ZipFile=zipped("def handler(event, context):\n    return 2\n")
    )
    functions.get_waiter("function_updated_v2").wait(FunctionName=function)
    functions.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=5)
    assert functions.get_function(FunctionName=function)["Concurrency"] == {
        "ReservedConcurrentExecutions": 5
    }
    functions.delete_function_concurrency(FunctionName=function)
    made = functions.publish_version(FunctionName=function)
    state = functions.get_function_configuration(
        FunctionName=made["FunctionArn"], Qualifier=made["Version"]
    )
    assert state["LastUpdateStatus"] == "Successful"
    versions = functions.list_versions_by_function(FunctionName=function)["Versions"]
    assert versions[-1]["Version"] == made["Version"]  # the last is the latest


def test_what_hangs_on_functions(client: Client, function: str) -> None:
    functions = client("lambda")
    version = functions.publish_version(FunctionName=function)["Version"]
    alias = {"FunctionName": function, "Name": "live"}
    functions.create_alias(**alias, FunctionVersion=version, Description="", RoutingConfig={})
    arn = functions.get_alias(**alias)["AliasArn"]
    functions.update_alias(**alias, FunctionVersion=version, Description="x", RoutingConfig={})
    qualified = {"FunctionName": function, "Qualifier": "live"}
    functions.add_permission(
        **qualified, StatementId="tf", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com",
        SourceArn="arn:aws:s3:::tf", SourceAccount=ACCOUNT,
    )  # fmt: skip
    policy = json.loads(functions.get_policy(**qualified)["Policy"])
    (statement,) = policy["Statement"]
    assert (statement["Sid"], statement["Resource"]) == ("tf", arn)
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    functions.remove_permission(**qualified, StatementId="tf")
    unset(functions.get_policy, "ResourceNotFoundException", **qualified)

    url = functions.create_function_url_config(**qualified, AuthType="NONE", InvokeMode="BUFFERED")
    assert functions.get_function_url_config(**qualified)["FunctionUrl"] == url["FunctionUrl"]
    functions.update_function_url_config(
        **qualified, AuthType="AWS_IAM", Cors={"AllowOrigins": ["*"]}, InvokeMode="BUFFERED"
    )
    functions.delete_function_url_config(**qualified)
    unset(functions.get_function_url_config, "ResourceNotFoundException", **qualified)

    functions.put_function_event_invoke_config(
        **qualified, MaximumRetryAttempts=1, MaximumEventAgeInSeconds=60
    )
    found = functions.get_function_event_invoke_config(**qualified)
    assert found["MaximumRetryAttempts"] == 1
    functions.delete_function_event_invoke_config(**qualified)
    functions.delete_alias(**alias)
    unset(functions.get_alias, "ResourceNotFoundException", **alias)


def test_layers(client: Client) -> None:
    functions = client("lambda")
    made = functions.publish_layer_version(
        LayerName="tf", Description="", LicenseInfo="", Content={"ZipFile": zipped("")},
        CompatibleRuntimes=["python3.11"],
    )  # fmt: skip
    of = {"LayerName": "tf", "VersionNumber": made["Version"]}
    assert functions.get_layer_version(**of)["LayerVersionArn"] == made["LayerVersionArn"]
    functions.delete_layer_version(**of)
    unset(functions.get_layer_version, "ResourceNotFoundException", **of)


def test_event_source_mappings(client: Client, function: str) -> None:
    functions, queues = client("lambda"), client("sqs")
    url = queues.create_queue(QueueName="tf-source")["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:tf-source"
    made = functions.create_event_source_mapping(
        EventSourceArn=arn, FunctionName=function, BatchSize=10, Enabled=True,
        FunctionResponseTypes=["ReportBatchItemFailures"], ScalingConfig={"MaximumConcurrency": 2},
    )  # fmt: skip
    uuid = made["UUID"]
    found = functions.get_event_source_mapping(UUID=uuid)
    assert found["State"] in ("Creating", "Enabling", "Enabled")
    functions.update_event_source_mapping(UUID=uuid, BatchSize=5, Enabled=False)
    functions.list_tags(Resource=made["EventSourceMappingArn"])
    functions.delete_event_source_mapping(UUID=uuid)
    queues.delete_queue(QueueUrl=url)


def test_rules_and_schedules(client: Client, function: str) -> None:
    events, schedules = client("events"), client("scheduler")
    target = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}"
    rule = {"Name": "tf-rule", "EventBusName": "default"}
    arn = events.put_rule(
        **rule, ScheduleExpression="rate(1 day)", State="ENABLED", Tags=[{"Key": "a", "Value": "b"}]
    )["RuleArn"]
    assert events.describe_rule(**rule)["State"] == "ENABLED"
    events.list_tags_for_resource(ResourceARN=arn)
    of = {"Rule": "tf-rule", "EventBusName": "default"}
    assert events.put_targets(**of, Targets=[{"Id": "t", "Arn": target}])["FailedEntryCount"] == 0
    assert [one["Id"] for one in events.list_targets_by_rule(**of)["Targets"]] == ["t"]
    events.remove_targets(**of, Ids=["t"])
    events.delete_rule(**rule)
    unset(events.describe_rule, "ResourceNotFoundException", **rule)

    at = {"Name": "tf", "GroupName": "default"}
    wish = {
        **at,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ScheduleExpression": "rate(1 day)",
        "ScheduleExpressionTimezone": "UTC",
        "State": "ENABLED",
        "Target": {
            "Arn": target,
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/tf",
            "RetryPolicy": {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185},
        },
    }
    schedules.create_schedule(**wish, ClientToken="tf")
    read = schedules.get_schedule(**at)
    assert read["Target"]["RetryPolicy"] == wish["Target"]["RetryPolicy"]  # type: ignore[index]
    schedules.update_schedule(**{**wish, "State": "DISABLED"})
    schedules.delete_schedule(**at)
    unset(schedules.get_schedule, "ResourceNotFoundException", **at)


def test_http_apis(client: Client, function: str) -> None:
    apis = client("apigatewayv2")
    made = apis.create_api(Name="tf", ProtocolType="HTTP", Tags={"a": "b"},
                           ApiKeySelectionExpression="$request.header.x-api-key",
                           RouteSelectionExpression="$request.method $request.path")  # fmt: skip
    of = {"ApiId": made["ApiId"]}
    assert apis.get_api(**of)["Tags"] == {"a": "b"}
    part = apis.create_integration(
        **of, IntegrationType="AWS_PROXY", IntegrationMethod="POST", PayloadFormatVersion="2.0",
        ConnectionType="INTERNET", TimeoutInMillis=30_000,
        IntegrationUri=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}",
    )["IntegrationId"]  # fmt: skip
    assert apis.get_integration(**of, IntegrationId=part)["IntegrationType"] == "AWS_PROXY"
    route = apis.create_route(
        **of, RouteKey="GET /x", Target=f"integrations/{part}", AuthorizationType="NONE",
        ApiKeyRequired=False,
    )["RouteId"]  # fmt: skip
    assert apis.get_route(**of, RouteId=route)["RouteKey"] == "GET /x"
    stage = {**of, "StageName": "$default"}
    apis.create_stage(**stage, AutoDeploy=True)
    assert apis.get_stage(**stage)["AutoDeploy"] is True
    apis.update_api(**of, Name="tf2")
    apis.delete_stage(**stage)
    unset(apis.get_stage, "NotFoundException", **stage)
    apis.delete_route(**of, RouteId=route)
    apis.delete_integration(**of, IntegrationId=part)
    apis.delete_api(**of)
    unset(apis.get_api, "NotFoundException", **of)


def test_rest_apis(client: Client, function: str) -> None:
    apis = client("apigateway")
    made = apis.create_rest_api(name="tf", endpointConfiguration={"types": ["EDGE"]})
    of = {"restApiId": made["id"]}
    read = apis.get_rest_api(**of)
    (root,) = apis.get_resources(**of)["items"]
    assert read["rootResourceId"] == root["id"]
    part = apis.create_resource(**of, parentId=root["id"], pathPart="x")["id"]
    at = {**of, "resourceId": part, "httpMethod": "GET"}
    apis.get_resource(**of, resourceId=part)
    apis.put_method(**at, authorizationType="NONE", apiKeyRequired=False)
    apis.get_method(**at)
    uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/"
    uri += f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}/invocations"
    apis.put_integration(
        **at, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri,
        timeoutInMillis=29_000, connectionType="INTERNET", passthroughBehavior="WHEN_NO_MATCH",
    )  # fmt: skip
    assert apis.get_integration(**at)["uri"] == uri
    deployment = apis.create_deployment(**of)["id"]
    apis.get_deployment(**of, deploymentId=deployment)
    stage = {**of, "stageName": "dev"}
    apis.create_stage(**stage, deploymentId=deployment, cacheClusterEnabled=False)
    apis.get_stage(**stage)
    path = [{"op": "replace", "path": "/description", "value": "x"}]
    assert apis.update_stage(**stage, patchOperations=path)["description"] == "x"
    apis.delete_stage(**stage)
    apis.delete_deployment(**of, deploymentId=deployment)
    apis.delete_integration(**at)
    apis.delete_method(**at)
    apis.delete_resource(**of, resourceId=part)
    apis.delete_rest_api(**of)
    unset(apis.get_rest_api, "NotFoundException", **of)
