"""IAM and STS by boto3 and the AWS CLI: what tools need, and what policies mean."""

import json
from collections.abc import Callable
from typing import Any

import pytest

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
READ_MAIL = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "arn:aws:sqs:*:*:mail-*"}],
}
Client = Callable[..., Any]


def code_of(error: pytest.ExceptionInfo[Any]) -> tuple[str, int]:
    answer = error.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_a_role_comes_back_as_it_was_made(client: Client) -> None:
    iam = client("iam")
    made = iam.create_role(
        RoleName="thumbs",
        AssumeRolePolicyDocument=json.dumps(TRUST),
        Tags=[{"Key": "team", "Value": "images"}],
    )["Role"]
    iam.get_waiter("role_exists").wait(RoleName="thumbs")
    found = iam.get_role(RoleName="thumbs")["Role"]
    assert found["Arn"] == made["Arn"] == "arn:aws:iam::000000000000:role/thumbs"
    assert found["AssumeRolePolicyDocument"] == TRUST
    assert found["Tags"] == [{"Key": "team", "Value": "images"}]
    iam.put_role_policy(RoleName="thumbs", PolicyName="mail", PolicyDocument=json.dumps(READ_MAIL))
    got = iam.get_role_policy(RoleName="thumbs", PolicyName="mail")
    assert got["PolicyDocument"] == READ_MAIL
    basic = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    iam.attach_role_policy(RoleName="thumbs", PolicyArn=basic)
    attached = iam.list_attached_role_policies(RoleName="thumbs")["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["AWSLambdaBasicExecutionRole"]
    with pytest.raises(iam.exceptions.DeleteConflictException):
        iam.delete_role(RoleName="thumbs")
    iam.detach_role_policy(RoleName="thumbs", PolicyArn=basic)
    iam.delete_role_policy(RoleName="thumbs", PolicyName="mail")
    iam.delete_role(RoleName="thumbs")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName="thumbs")


def test_a_managed_policy_has_versions(client: Client) -> None:
    iam = client("iam")
    arn = iam.create_policy(PolicyName="mail", PolicyDocument=json.dumps(READ_MAIL))["Policy"][
        "Arn"
    ]
    iam.create_policy_version(
        PolicyArn=arn, PolicyDocument=json.dumps(TRUST | {"Statement": []}), SetAsDefault=True
    )
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v2"
    first = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]
    assert first["Document"] == READ_MAIL
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    iam.delete_policy(PolicyArn=arn)


def test_who_has_policies_is_held_to_them(client: Client) -> None:
    iam, sqs = client("iam"), client("sqs")
    for queue in ("mail-in", "other"):
        sqs.create_queue(QueueName=queue)
    iam.create_user(UserName="ann")
    iam.get_waiter("user_exists").wait(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    own = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }
    hers = client("sqs", **own)
    assert client("sts", **own).get_caller_identity()["Arn"].endswith(":user/ann")
    with pytest.raises(Exception, match="not authorized"):
        hers.get_queue_url(QueueName="mail-in")  # Without any policy she may do nothing.
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps(READ_MAIL))
    url = hers.get_queue_url(QueueName="mail-in")["QueueUrl"]
    hers.send_message(QueueUrl=url, MessageBody="hello")
    with pytest.raises(Exception, match="not authorized to perform: sqs:GetQueueUrl") as denied:
        hers.get_queue_url(QueueName="other")
    assert code_of(denied)[0].startswith("AccessDenied")
    with pytest.raises(Exception, match="not authorized to perform: s3:ListAllMyBuckets") as denied:
        client("s3", **own).list_buckets()
    assert code_of(denied) == ("AccessDenied", 403)
    iam.update_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    with pytest.raises(Exception, match="InvalidClientTokenId"):
        client("sts", **own).get_caller_identity()
    iam.delete_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName="ann", PolicyName="p")
    iam.delete_user(UserName="ann")


def test_a_role_is_taken_on_for_a_while(client: Client) -> None:
    iam, sts = client("iam"), client("sts")
    trust = json.loads(json.dumps(TRUST))
    iam.create_role(RoleName="visitor", AssumeRolePolicyDocument=json.dumps(trust))
    arn = "arn:aws:iam::000000000000:role/visitor"
    with pytest.raises(Exception, match="not authorized to perform: sts:AssumeRole"):
        sts.assume_role(RoleArn=arn, RoleSessionName="me")
    trust["Statement"][0]["Principal"] = {"AWS": "000000000000"}
    iam.update_assume_role_policy(RoleName="visitor", PolicyDocument=json.dumps(trust))
    lent = sts.assume_role(RoleArn=arn, RoleSessionName="me", DurationSeconds=900)["Credentials"]
    session = {
        "aws_access_key_id": lent["AccessKeyId"],
        "aws_secret_access_key": lent["SecretAccessKey"],
    }
    who = client("sts", **session, aws_session_token=lent["SessionToken"]).get_caller_identity()
    assert who["Arn"] == "arn:aws:sts::000000000000:assumed-role/visitor/me"
    with pytest.raises(Exception, match="InvalidClientTokenId"):
        client("sts", **session).get_caller_identity()
    with pytest.raises(Exception, match="InvalidClientTokenId"):
        client("sts", **session, aws_session_token="x" + lent["SessionToken"]).get_caller_identity()
    iam.delete_role(RoleName="visitor")


def test_errors_are_those_that_tools_look_for(client: Client, aws_cli: Callable[..., str]) -> None:
    said = aws_cli("iam", "get-role", "--role-name", "nobody", fails=True)
    assert "NoSuchEntity" in said
    for key, code in (
        ({"aws_secret_access_key": "wrong"}, "SignatureDoesNotMatch"),
        ({"aws_access_key_id": "AKIANOBODY"}, "InvalidClientTokenId"),
    ):
        with pytest.raises(Exception, match=code) as wrong:
            client("sts", **key).get_caller_identity()
        assert code_of(wrong) == (code, 403)
