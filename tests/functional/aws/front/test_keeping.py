"""The parameter store and Secrets Manager by boto3; and what lies on the disk of them."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.functional.running import Platform

Client = Callable[..., Any]


def test_parameters_have_versions_labels_and_paths(client: Client) -> None:
    ssm = client("ssm")
    assert ssm.put_parameter(Name="/shop/url", Value="http://a", Type="String")["Version"] == 1
    with pytest.raises(ssm.exceptions.ParameterAlreadyExists):
        ssm.put_parameter(Name="/shop/url", Value="http://b", Type="String")
    again = ssm.put_parameter(Name="/shop/url", Value="http://b", Overwrite=True)
    assert again["Version"] == 2
    ssm.put_parameter(Name="/shop/db/user", Value="ann", Type="String")
    ssm.put_parameter(Name="/shop/db/list", Value="a,b", Type="StringList")
    ssm.label_parameter_version(Name="/shop/url", ParameterVersion=1, Labels=["old"])
    assert ssm.get_parameter(Name="/shop/url:old")["Parameter"]["Value"] == "http://a"
    found = ssm.get_parameter(Name="/shop/url")["Parameter"]
    assert (found["Value"], found["Version"]) == ("http://b", 2)
    assert found["ARN"] == "arn:aws:ssm:us-east-1:000000000000:parameter/shop/url"
    one = ssm.get_parameters_by_path(Path="/shop")["Parameters"]
    assert [each["Name"] for each in one] == ["/shop/url"]
    pages = ssm.get_paginator("get_parameters_by_path").paginate(
        Path="/shop", Recursive=True, PaginationConfig={"PageSize": 2}
    )
    names = [each["Name"] for page in pages for each in page["Parameters"]]
    assert names == ["/shop/db/list", "/shop/db/user", "/shop/url"]
    many = ssm.get_parameters(Names=["/shop/url", "/nowhere"])
    assert many["InvalidParameters"] == ["/nowhere"]
    ssm.delete_parameters(Names=names)
    with pytest.raises(ssm.exceptions.ParameterNotFound):
        ssm.get_parameter(Name="/shop/url")


def test_sealed_values(client: Client, aws: Platform) -> None:
    ssm, manager = client("ssm"), client("secretsmanager")
    ssm.put_parameter(Name="/shop/key", Value="a-sealed-parameter", Type="SecureString")
    assert ssm.get_parameter(Name="/shop/key")["Parameter"]["Value"] != "a-sealed-parameter"
    plain = ssm.get_parameter(Name="/shop/key", WithDecryption=True)["Parameter"]["Value"]
    assert plain == "a-sealed-parameter"
    arn = manager.create_secret(Name="shop/db", SecretString="a-sealed-secret")["ARN"]
    with pytest.raises(manager.exceptions.ResourceExistsException):
        manager.create_secret(Name="shop/db", SecretString="x")
    first = manager.get_secret_value(SecretId=arn)
    assert (first["SecretString"], first["VersionStages"]) == ("a-sealed-secret", ["AWSCURRENT"])
    manager.put_secret_value(SecretId="shop/db", SecretBinary=b"\x00\xff")
    assert manager.get_secret_value(SecretId=arn[:-7])["SecretBinary"] == b"\x00\xff"
    before = manager.get_secret_value(SecretId="shop/db", VersionStage="AWSPREVIOUS")
    assert before["VersionId"] == first["VersionId"]
    for path in aws.data.rglob("*"):
        if path.is_file() and not path.is_symlink():
            held = path.read_bytes()
            assert b"a-sealed-" not in held, path
    manager.delete_secret(SecretId="shop/db")
    with pytest.raises(manager.exceptions.InvalidRequestException):
        manager.get_secret_value(SecretId="shop/db")
    manager.restore_secret(SecretId="shop/db")
    assert manager.describe_secret(SecretId="shop/db")["Name"] == "shop/db"
    manager.delete_secret(SecretId="shop/db", ForceDeleteWithoutRecovery=True)
    with pytest.raises(manager.exceptions.ResourceNotFoundException):
        manager.get_secret_value(SecretId="shop/db")
    ssm.delete_parameter(Name="/shop/key")
    assert len(manager.get_random_password(PasswordLength=40)["RandomPassword"]) == 40
