"""Keys by `tapwater aws`, and variables that lead Amazon's own tools here."""

import json
import os
import subprocess
import sys
from pathlib import Path

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


def test_eval_of_aws_env_is_all_that_a_shell_needs(aws: Platform, tmp_path: Path) -> None:
    tapwater = f"{sys.executable} -m tapwater_server"
    script = f'eval "$({tapwater} aws env)"; aws sts get-caller-identity; {tapwater} aws env'
    first = shell(script, aws, tmp_path)
    who, _, variables = first.partition("}")
    assert json.loads(who + "}")["Arn"] == "arn:aws:iam::000000000000:root"
    again = shell(f"{tapwater} aws env", aws, tmp_path)
    assert again.strip() == variables.strip()  # The key was kept.
    (kept,) = (path for path in tmp_path.rglob("aws-keys.json"))
    assert kept.stat().st_mode & 0o077 == 0


def test_a_key_of_another_app_is_of_another_account(aws: Platform, tmp_path: Path) -> None:
    tapwater = f"{sys.executable} -m tapwater_server"
    made = json.loads(shell(f"{tapwater} aws keys create --app shop --json", aws, tmp_path))
    script = f'eval "$({tapwater} aws env --app shop)"; aws sts get-caller-identity'
    assert json.loads(shell(script, aws, tmp_path))["Account"] == made["account_id"]
    assert made["account_id"] != "000000000000"
    listed = shell(f"{tapwater} aws keys list --app shop", aws, tmp_path)
    assert made["access_key"] in listed
    assert made["secret_key"] not in listed
    shell(f"{tapwater} aws keys delete {made['access_key']} --app shop", aws, tmp_path)
    assert made["access_key"] not in shell(f"{tapwater} aws keys list --app shop", aws, tmp_path)


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
