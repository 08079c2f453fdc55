"""A platform for tests with AWS's own clients: one for all of them, an account for each file."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.functional.running import Platform

REGION = "us-east-1"
ACCESS_KEY, SECRET = "AKIAFIXEDKEYOFTESTS1", "a secret that only tests know"
SETTINGS = {
    "TAPWATER_AWS_ACCESS_KEY": ACCESS_KEY,
    "TAPWATER_AWS_SECRET_KEY": SECRET,
    "TAPWATER_AWS_RETRY_DELAY_S": "0.1",  # of asynchronous calls; a minute on AWS
}
Client = Callable[..., Any]
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let AWS's clients leave their sockets to the collector, as they do with a stream that is not
    read to its end: which test that happens in is chance.
    """
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning"))


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform with a fixed key of the default account. Leave nothing that others trip over."""
    with Platform(tmp_path_factory.mktemp("aws") / "data", settings=SETTINGS) as running:
        yield running


@pytest.fixture
def own_aws(tmp_path: Path) -> Iterator[Platform]:
    """The same, for a test that may kill it."""
    with Platform(tmp_path / "data", settings=SETTINGS) as running:
        yield running


@pytest.fixture(scope="session")
def client(aws: Platform) -> Client:
    """Makes clients of boto3: ``client("sqs")``; with ``aws_access_key_id=…`` and the like."""
    return client_of(aws)


def client_of(platform: Platform) -> Client:
    """Give what makes clients for a platform."""

    def make(service: str, **options: Any) -> Any:
        import boto3
        from botocore.config import Config

        config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=60)
        if "config" in options:
            config = config.merge(options.pop("config"))
        session = boto3.session.Session(
            aws_access_key_id=options.pop("aws_access_key_id", ACCESS_KEY),
            aws_secret_access_key=options.pop("aws_secret_access_key", SECRET),
            aws_session_token=options.pop("aws_session_token", None),
            region_name=options.pop("region_name", REGION),
        )
        url = options.pop("endpoint_url", platform.url)
        return session.client(service, endpoint_url=url, config=config, **options)

    return make


@pytest.fixture(scope="session")
def aws_cli(aws: Platform) -> Callable[..., str]:
    """Runs the AWS CLI and gives what it said: ``aws_cli("sts", "get-caller-identity")``."""

    def run(*arguments: str, fails: bool = False, env: Mapping[str, str] | None = None) -> str:
        command = [str(Path(sys.executable).with_name("aws")), *arguments]
        environment = {**cli_environment(aws), **(env or {})}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode != 0) is fails, done.stdout + done.stderr
        return done.stderr if fails else done.stdout

    return run


def cli_environment(platform: Platform) -> dict[str, str]:
    """Give what the CLI and the SDKs read to find a platform and nothing of this machine."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return {
        **kept,
        "HOME": str(platform.data.parent),
        "AWS_ENDPOINT_URL": platform.url,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_PAGER": "",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
