"""Stacks as CDK deploys them: somebody who may little hands CloudFormation a role that may more."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from tests.functional.aws.tools.terraform import ACCOUNT, REGION, Client, unset

ROLE = f"arn:aws:iam::{ACCOUNT}:role/cfn-exec"
NAME = "cdk-assets"
LIFECYCLE = json.dumps({"rules": []}).ljust(100)  # it has so many letters at least
TEMPLATE = {
    "Resources": {
        "Jobs": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "cdk-jobs"}},
        "Assets": {
            "Type": "AWS::S3::Bucket",
            "Properties": {"BucketName": "cdk-assets-bucket", "AccessControl": "Private"},
        },
        "Images": {
            "Type": "AWS::ECR::Repository",
            "Properties": {
                "RepositoryName": NAME,
                "ImageTagMutability": "IMMUTABLE",
                "LifecyclePolicy": {"LifecyclePolicyText": LIFECYCLE},
            },
        },
    },
    "Outputs": {"Images": {"Value": {"Fn::GetAtt": ["Images", "Arn"]}}},
}


def policy(*actions: str, **more: Any) -> str:
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trusting(service: str) -> str:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def make_deployer(client: Client) -> tuple[Callable[..., Any], Callable[[], None]]:
    """Make the role, and somebody who may hand it on and drive stacks: their clients."""
    iam, user = client("iam"), {"UserName": "cdk-deployer"}
    iam.create_role(
        RoleName="cfn-exec", AssumeRolePolicyDocument=trusting("cloudformation.amazonaws.com")
    )
    here = {"Condition": {"StringEquals": {"aws:ResourceAccount": [ACCOUNT]}}}
    iam.put_role_policy(
        RoleName="cfn-exec",
        PolicyName="all",
        PolicyDocument=policy("sqs:*", "ecr:*", "s3:*", **here),
    )
    iam.create_user(**user)
    iam.put_user_policy(
        **user, PolicyName="stacks", PolicyDocument=policy("cloudformation:*", "iam:PassRole")
    )
    key = iam.create_access_key(**user)["AccessKey"]

    def clients(service: str) -> Any:
        return client(
            service,
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
        )

    def remove() -> None:
        iam.delete_access_key(**user, AccessKeyId=key["AccessKeyId"])
        iam.delete_user_policy(**user, PolicyName="stacks")
        iam.delete_user(**user)
        iam.delete_role_policy(RoleName="cfn-exec", PolicyName="all")
        iam.delete_role(RoleName="cfn-exec")

    return clients, remove


def test_a_stack_is_made_in_the_name_of_its_role(client: Client) -> None:
    clients, remove = make_deployer(client)
    formation, name = clients("cloudformation"), {"StackName": "bootstrapped"}
    body = json.dumps(TEMPLATE)
    unset(clients("sqs").create_queue, "AccessDenied", QueueName="mine")
    formation.create_stack(**name, TemplateBody=body)
    with pytest.raises(WaiterError, match="ROLLBACK"):
        formation.get_waiter("stack_create_complete").wait(**name, WaiterConfig={"Delay": 1})
    formation.delete_stack(**name)
    formation.get_waiter("stack_delete_complete").wait(**name, WaiterConfig={"Delay": 1})

    formation.create_stack(**name, TemplateBody=body, RoleARN=ROLE)
    formation.get_waiter("stack_create_complete").wait(**name, WaiterConfig={"Delay": 1})
    (stack,) = formation.describe_stacks(**name)["Stacks"]
    assert stack["RoleARN"] == ROLE
    assert stack["Outputs"][0]["OutputValue"] == f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{NAME}"
    images = client("ecr")
    (repository,) = images.describe_repositories(repositoryNames=[NAME])["repositories"]
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert images.list_images(repositoryName=NAME)["imageIds"] == []
    unset(images.get_authorization_token, "NotImplemented")  # nothing can be pushed
    formation.delete_stack(**name)
    formation.get_waiter("stack_delete_complete").wait(**name, WaiterConfig={"Delay": 1})
    # Serverless asks so before it has removed a service.
    missing = {"repositoryNames": [NAME]}
    unset(images.describe_repositories, "RepositoryNotFoundException", **missing)
    remove()


def test_a_role_must_trust_cloudformation(client: Client) -> None:
    iam = client("iam")
    iam.create_role(
        RoleName="not-for-stacks", AssumeRolePolicyDocument=trusting("lambda.amazonaws.com")
    )
    arn = f"arn:aws:iam::{ACCOUNT}:role/not-for-stacks"
    given = {"StackName": "no", "TemplateBody": json.dumps(TEMPLATE), "RoleARN": arn}
    said = unset(client("cloudformation").create_stack, "ValidationError", **given)
    assert "cannot be assumed" in said
    iam.delete_role(RoleName="not-for-stacks")
