"""CloudFormation by itself: what it refuses, exports, keeps, replaces and takes back."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.functional.aws.stacks.kit import Stacks, outputs, parameters

pytestmark = pytest.mark.slow


def template(resources: dict[str, Any], **more: Any) -> str:
    return json.dumps({"Resources": resources, **more})


def queue(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": properties}


def test_refused_before_anything_is_made(stacks: Stacks) -> None:
    create = stacks.formation.create_stack
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}}
    for resources, code, why in (
        ({"A": {"Type": "AWS::EC2::VPC"}, "Q": queue()}, "ValidationError", "AWS::EC2::VPC"),
        ({"A": queue(Colour="blue")}, "ValidationError", "Colour"),
        ({"A": queue(QueueName={"Ref": "B"})}, "ValidationError", "[B]"),
        ({"A": role}, "InsufficientCapabilitiesException", "CAPABILITY_IAM"),
    ):
        with pytest.raises(ClientError) as refused:
            create(StackName="refused", TemplateBody=template(resources))
        assert refused.value.response["Error"]["Code"] == code
        assert why in refused.value.response["Error"]["Message"]
    with pytest.raises(ClientError, match="does not exist"):
        stacks.stack("refused")


def test_a_creation_that_fails_leaves_nothing(stacks: Stacks) -> None:
    bad = queue(VisibilityTimeout=99999999) | {"DependsOn": "Good"}
    body = template({"Good": queue(QueueName="good-one"), "Bad": bad})
    stacks.formation.create_stack(StackName="failing", TemplateBody=body)
    stack = stacks.settled("failing")
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert [one for one in stacks.told("failing") if one[0] == "failing"] == [
        ("failing", "CREATE_IN_PROGRESS"),
        ("failing", "ROLLBACK_IN_PROGRESS"),
        ("failing", "ROLLBACK_COMPLETE"),
    ]
    assert "QueueUrls" not in stacks.client("sqs").list_queues(QueueNamePrefix="good-one")
    with pytest.raises(ClientError, match="ROLLBACK_COMPLETE state and can not be updated"):
        stacks.formation.update_stack(StackName="failing", TemplateBody=body)
    stacks.delete(stack)


def test_exports(stacks: Stacks) -> None:
    giving = template(
        {"Q": queue()},
        Outputs={"Arn": {"Value": {"Fn::GetAtt": "Q.Arn"}, "Export": {"Name": "the-queue"}}},
    )
    dead = {"deadLetterTargetArn": {"Fn::ImportValue": "the-queue"}, "maxReceiveCount": 3}
    taking = template({"Q": queue(RedrivePolicy=dead)})
    stacks.formation.create_stack(StackName="giving", TemplateBody=giving)
    first = stacks.settled("giving")
    stacks.formation.create_stack(StackName="taking", TemplateBody=taking)
    second = stacks.settled("taking")
    assert second["StackStatus"] == "CREATE_COMPLETE"
    exports = stacks.formation.list_exports()["Exports"]
    assert [(one["Name"], one["Value"]) for one in exports] == [
        ("the-queue", outputs(first)["Arn"])
    ]
    assert stacks.formation.list_imports(ExportName="the-queue")["Imports"] == ["taking"]
    with pytest.raises(ClientError, match="in use by taking"):
        stacks.formation.delete_stack(StackName="giving")
    stacks.delete(second)
    stacks.delete(first)


def test_replaced_kept_and_protected(stacks: Stacks) -> None:
    def body(name: str) -> str:
        kept = queue(QueueName="kept-for-ever") | {"DeletionPolicy": "Retain"}
        return template(
            {"Q": queue(QueueName={"Ref": "Name"}), "Kept": kept},
            Parameters={"Name": {"Type": "String", "NoEcho": True}},
            Outputs={"Url": {"Value": {"Ref": "Q"}}},
            Description=name,
        )

    stacks.formation.create_stack(
        StackName="moving",
        TemplateBody=body("one"),
        Parameters=parameters({"Name": "before"}),
        EnableTerminationProtection=True,
        Tags=[{"Key": "team", "Value": "a"}],
    )
    stack = stacks.settled("moving")
    assert stack["Parameters"][0]["ParameterValue"] == "****"
    with pytest.raises(ClientError, match="No updates are to be performed"):
        stacks.formation.update_stack(
            StackName="moving",
            UsePreviousTemplate=True,
            Parameters=[{"ParameterKey": "Name", "UsePreviousValue": True}],
        )
    stacks.formation.update_stack(
        StackName="moving", TemplateBody=body("two"), Parameters=parameters({"Name": "after"})
    )
    stack = stacks.settled("moving")
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert outputs(stack)["Url"].endswith("/after")
    sqs = stacks.client("sqs")
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix="before")
    assert sqs.list_queue_tags(QueueUrl=outputs(stack)["Url"])["Tags"] == {"team": "a"}
    with pytest.raises(ClientError, match="TerminationProtection"):
        stacks.formation.delete_stack(StackName="moving")
    stacks.formation.update_termination_protection(
        StackName="moving", EnableTerminationProtection=False
    )
    stacks.delete(stack)
    kept = sqs.list_queues(QueueNamePrefix="kept-for-ever")["QueueUrls"]
    sqs.delete_queue(QueueUrl=kept[0])


def test_looking_at_templates(stacks: Stacks) -> None:
    body = template(
        {"Q": queue(QueueName={"Ref": "Name"})},
        Parameters={"Name": {"Type": "String", "Default": "d", "Description": "a name"}},
    )
    validated = stacks.formation.validate_template(TemplateBody=body)
    assert validated["Parameters"][0]["DefaultValue"] == "d"
    summary = stacks.formation.get_template_summary(TemplateBody=body)
    assert summary["ResourceTypes"] == ["AWS::SQS::Queue"]
    with pytest.raises(ClientError, match="At least one Resources member"):
        stacks.formation.validate_template(TemplateBody="{}")


def test_nobody_gets_more_by_way_of_a_stack(stacks: Stacks) -> None:
    iam = stacks.client("iam")
    iam.create_user(UserName="stacker")
    statement = {"Effect": "Allow", "Action": "cloudformation:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="stacker", PolicyName="p", PolicyDocument=policy)
    key = iam.create_access_key(UserName="stacker")["AccessKey"]
    own = stacks.client(
        "cloudformation",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    body = template({"Q": queue(QueueName="not-for-me")})
    own.create_stack(StackName="more", TemplateBody=body)
    stack = stacks.settled("more")
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    events = stacks.formation.describe_stack_events(StackName="more")["StackEvents"]
    assert any("sqs:CreateQueue" in one.get("ResourceStatusReason", "") for one in events)
    stacks.delete(stack)
    iam.delete_access_key(UserName="stacker", AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName="stacker", PolicyName="p")
    iam.delete_user(UserName="stacker")
