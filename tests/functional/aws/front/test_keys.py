"""Keys by `tapwater aws`, and variables that lead Amazon's own tools here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tapwater_server.cli.main import build
from tests.functional.aws.conftest import Client
from tests.functional.running import REPOSITORY, Platform

BIN = Path(sys.executable).parent


def environment(platform: Platform, home: Path) -> dict[str, str]:
    return {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "PYTHONPATH": str(REPOSITORY / "src"),
        "TAPWATER_URL": platform.url,
        "TAPWATER_TOKEN": platform.token,
        "AWS_PAGER": "",
        "AWS_SESSION_TOKEN": "of another account",
    }


def shell(script: str, platform: Platform, home: Path) -> str:
    done = subprocess.run(
        ["bash", "-ec", script],
        env=environment(platform, home),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def tap(platform: Platform, home: Path, *arguments: str) -> str:
    """Run our command here: a process of its own costs a second."""
    unset = {name: None for name in os.environ if name.startswith("AWS_")}
    told = {**unset, **environment(platform, home)}
    done = CliRunner().invoke(build(), list(arguments), env=told)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_eval_of_aws_env_is_all_that_a_shell_needs(aws: Platform, tmp_path: Path) -> None:
    tapwater = f"{sys.executable} -m tapwater_server"
    script = f'eval "$({tapwater} aws env)"; aws sts get-caller-identity; env | grep ^AWS_ | sort'
    first = shell(script, aws, tmp_path)
    who, _, variables = first.partition("}")
    assert json.loads(who + "}")["Arn"] == "arn:aws:iam::000000000000:root"
    again = tap(aws, tmp_path, "aws", "env")
    key = next(line for line in variables.splitlines() if "SECRET_ACCESS_KEY" in line)
    assert key.partition("=")[2] in again  # The key was kept.
    (kept,) = (path for path in tmp_path.rglob("aws-keys.json"))
    assert kept.stat().st_mode & 0o077 == 0


def test_a_key_of_another_app_is_of_another_account(
    aws: Platform, client: Client, tmp_path: Path
) -> None:
    shop = ("--app", "shop")
    made = json.loads(tap(aws, tmp_path, "aws", "keys", "create", *shop, "--json"))
    key, secret = made["access_key"], made["secret_key"]
    sts = client("sts", aws_access_key_id=key, aws_secret_access_key=secret)
    assert sts.get_caller_identity()["Account"] == made["account_id"]
    assert made["account_id"] != "000000000000"
    assert "AWS_ENDPOINT_URL" in tap(aws, tmp_path, "aws", "env", *shop)
    listed = tap(aws, tmp_path, "aws", "keys", "list", *shop)
    assert key in listed
    assert secret not in listed
    tap(aws, tmp_path, "aws", "keys", "delete", key, *shop)
    assert key not in tap(aws, tmp_path, "aws", "keys", "list", *shop)
    with pytest.raises(Exception, match="InvalidClientTokenId"):
        sts.get_caller_identity()


def test_a_token_for_one_app_makes_no_keys_of_another(aws: Platform) -> None:
    body = {"name": "ci", "admin": False, "apps": ["shop"]}
    token = aws.api("POST", "/tokens", json=body).json()["token"]
    own = {"authorization": f"Bearer {token}"}
    assert aws.api("POST", "/apps/shop/aws-keys", json={}, headers=own).status_code == 201
    assert aws.api("POST", "/apps/aws/aws-keys", json={}, headers=own).status_code == 404


def test_no_secret_lies_in_the_data_directory(aws: Platform) -> None:
    made = aws.api("POST", "/apps/aws/aws-keys", json={}).json()
    secret = made["secret_key"].encode()
    for path in aws.data.rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert secret not in path.read_bytes(), path
