"""The same of what keeps things and of who may: see ``test_terraform_calls.py``. Terraform itself
was not run.
"""

import json

from tests.functional.aws.tools.terraform import (
    ACCOUNT,
    ALLOW,
    REGION,
    TRUST,
    Client,
    unset,
)

# What the provider reads of a bucket, and the error that means "not set".
BUCKET_READS = (
    ("get_bucket_policy", "NoSuchBucketPolicy"),
    ("get_bucket_acl", ""),
    ("get_bucket_cors", "NoSuchCORSConfiguration"),
    ("get_bucket_website", "NoSuchWebsiteConfiguration"),
    ("get_bucket_versioning", ""),
    ("get_bucket_accelerate_configuration", ""),
    ("get_bucket_request_payment", ""),
    ("get_bucket_logging", ""),
    ("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration"),
    ("get_bucket_replication", "ReplicationConfigurationNotFoundError"),
    ("get_bucket_encryption", "ServerSideEncryptionConfigurationNotFoundError"),
    ("get_object_lock_configuration", "ObjectLockConfigurationNotFoundError"),
    ("get_bucket_tagging", "NoSuchTagSet"),
    ("get_bucket_location", ""),
    ("get_public_access_block", "NoSuchPublicAccessBlockConfiguration"),
    ("get_bucket_ownership_controls", "OwnershipControlsNotFoundError"),
    ("get_bucket_notification_configuration", ""),
)


def test_buckets(client: Client) -> None:
    s3, bucket = client("s3"), {"Bucket": "tf-bucket"}
    s3.create_bucket(**bucket)
    assert s3.head_bucket(**bucket)["BucketRegion"] == REGION
    for read, code in BUCKET_READS:
        if code:
            said = unset(getattr(s3, read), code, **bucket)
            assert "ncryption" not in code or "encryption configuration was not found" in said
        else:
            getattr(s3, read)(**bucket)

    s3.put_bucket_tagging(**bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.put_bucket_versioning(**bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_public_access_block(
        **bucket,
        PublicAccessBlockConfiguration=dict.fromkeys(
            ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"),
            True,
        ),
    )
    rules = [{"ObjectOwnership": "BucketOwnerPreferred"}]
    s3.put_bucket_ownership_controls(**bucket, OwnershipControls={"Rules": rules})
    s3.put_bucket_acl(**bucket, ACL="private")
    cors = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}
    s3.put_bucket_cors(**bucket, CORSConfiguration={"CORSRules": [cors]})
    rule = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 9}}
    s3.put_bucket_lifecycle_configuration(
        **bucket, LifecycleConfiguration={"Rules": [rule]},
        TransitionDefaultMinimumObjectSize="all_storage_classes_128K",
    )  # fmt: skip
    read = s3.get_bucket_lifecycle_configuration(**bucket)
    assert read["Rules"][0]["Expiration"] == {"Days": 9}
    assert read["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"

    s3.put_object(**bucket, Key="k", Body=b"x", ACL="private", ContentType="text/plain",
                  ChecksumAlgorithm="CRC32")  # fmt: skip
    head = s3.head_object(**bucket, Key="k", ChecksumMode="ENABLED")
    assert head["VersionId"] != "null"
    assert head["ETag"]
    s3.get_object_tagging(**bucket, Key="k")
    for one in s3.list_object_versions(**bucket)["Versions"]:
        s3.delete_object(**bucket, Key=one["Key"], VersionId=one["VersionId"])
    for drop in ("lifecycle", "cors", "ownership_controls", "tagging"):
        getattr(s3, f"delete_bucket_{drop}")(**bucket)
    s3.delete_public_access_block(**bucket)
    s3.delete_bucket(**bucket)
    unset(s3.head_bucket, "404", **bucket)


def test_queues(client: Client) -> None:
    queues = client("sqs")
    wanted = {
        "VisibilityTimeout": "30",
        "MessageRetentionPeriod": "345600",
        "MaximumMessageSize": "262144",
        "DelaySeconds": "0",
        "ReceiveMessageWaitTimeSeconds": "0",
        "SqsManagedSseEnabled": "true",
        "KmsDataKeyReusePeriodSeconds": "300",
    }
    made = queues.create_queue(QueueName="tf-queue", Attributes=wanted, tags={"a": "b"})
    at = {"QueueUrl": made["QueueUrl"]}
    assert len(made["QueueUrl"].split("://", 1)[1].split("/")) == 3  # it takes the name from it
    found = queues.get_queue_attributes(**at, AttributeNames=["All"])["Attributes"]
    wanted.pop("KmsDataKeyReusePeriodSeconds")  # "not set" is as good as this to the provider
    assert {name: found.get(name) for name in wanted} == wanted
    policy = json.dumps({**ALLOW, "Statement": [{
        "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage",
        "Resource": found["QueueArn"]}]})  # fmt: skip
    queues.set_queue_attributes(**at, Attributes={"Policy": policy})
    read = queues.get_queue_attributes(**at, AttributeNames=["Policy"])["Attributes"]
    assert json.loads(read["Policy"]) == json.loads(policy)
    queues.set_queue_attributes(**at, Attributes={"Policy": ""})
    assert "Attributes" not in queues.get_queue_attributes(**at, AttributeNames=["Policy"])
    assert queues.list_queue_tags(**at)["Tags"] == {"a": "b"}
    queues.delete_queue(**at)
    unset(queues.get_queue_attributes, "AWS.SimpleQueueService.NonExistentQueue",
          **at, AttributeNames=["All"])  # fmt: skip


def test_topics(client: Client) -> None:
    topics, queues = client("sns"), client("sqs")
    url = queues.create_queue(QueueName="tf-sub")["QueueUrl"]
    topic = topics.create_topic(
        Name="tf-topic", Attributes={"DisplayName": "T"}, Tags=[{"Key": "a", "Value": "b"}]
    )["TopicArn"]
    found = topics.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert (found["TopicArn"], found["DisplayName"], found["Owner"]) == (topic, "T", ACCOUNT)
    assert json.loads(found["Policy"])["Statement"]
    topics.list_tags_for_resource(ResourceArn=topic)
    subscription = topics.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:tf-sub",
        ReturnSubscriptionArn=True, Attributes={"RawMessageDelivery": "true"},
    )["SubscriptionArn"]  # fmt: skip
    read = topics.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    assert read["PendingConfirmation"] == "false"
    topics.set_subscription_attributes(
        SubscriptionArn=subscription, AttributeName="FilterPolicy", AttributeValue='{"a":["b"]}'
    )
    topics.unsubscribe(SubscriptionArn=subscription)
    unset(topics.get_subscription_attributes, "NotFound", SubscriptionArn=subscription)
    topics.delete_topic(TopicArn=topic)
    unset(topics.get_topic_attributes, "NotFound", TopicArn=topic)
    queues.delete_queue(QueueUrl=url)


def test_roles(client: Client) -> None:
    iam, role = client("iam"), {"RoleName": "tf-role"}
    iam.create_role(
        **role, Path="/", AssumeRolePolicyDocument=json.dumps(TRUST), MaxSessionDuration=3600
    )
    read = iam.get_role(**role)["Role"]
    assert read["AssumeRolePolicyDocument"] == TRUST
    assert read["RoleId"].startswith("AROA")
    iam.put_role_policy(**role, PolicyName="in", PolicyDocument=json.dumps(ALLOW))
    assert iam.list_role_policies(**role)["PolicyNames"] == ["in"]
    assert iam.get_role_policy(**role, PolicyName="in")["PolicyDocument"] == ALLOW
    arn = iam.create_policy(PolicyName="tf", Path="/", PolicyDocument=json.dumps(ALLOW))["Policy"][
        "Arn"
    ]
    policy = iam.get_policy(PolicyArn=arn)["Policy"]
    iam.get_policy_version(PolicyArn=arn, VersionId=policy["DefaultVersionId"])
    iam.attach_role_policy(**role, PolicyArn=arn)
    (attached,) = iam.list_attached_role_policies(**role)["AttachedPolicies"]
    assert attached["PolicyArn"] == arn
    iam.list_policy_versions(PolicyArn=arn)
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(ALLOW), SetAsDefault=True)
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    iam.update_assume_role_policy(**role, PolicyDocument=json.dumps(TRUST))
    iam.update_role_description(**role, Description="x")
    iam.update_role(**role, MaxSessionDuration=7200)
    iam.tag_role(**role, Tags=[{"Key": "a", "Value": "b"}])
    iam.untag_role(**role, TagKeys=["a"])

    assert iam.list_instance_profiles_for_role(**role)["InstanceProfiles"] == []
    iam.detach_role_policy(**role, PolicyArn=arn)
    iam.delete_role_policy(**role, PolicyName="in")
    iam.delete_role(**role)
    unset(iam.get_role, "NoSuchEntity", **role)
    iam.delete_policy(PolicyArn=arn)
    unset(iam.get_policy, "NoSuchEntity", PolicyArn=arn)


def test_log_groups(client: Client) -> None:
    logs, name = client("logs"), "/tf/group"
    logs.create_log_group(logGroupName=name, logGroupClass="STANDARD", tags={"a": "b"})
    logs.put_retention_policy(logGroupName=name, retentionInDays=7)
    (found,) = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert (found["retentionInDays"], found["logGroupClass"]) == (7, "STANDARD")
    arn = found["arn"].removesuffix(":*")
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "b"}
    logs.delete_retention_policy(logGroupName=name)
    logs.delete_log_group(logGroupName=name)
    assert logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"] == []
