"""Runs what others wrote to judge S3 (ceph's s3-tests, moto's aws_verified tests) against a node.

    tapwater up                                       # anywhere; and keys of an account:
    eval "$(tapwater aws env)"
    python tools/judges/s3.py SCRATCH [--ceph DIR] [--moto DIR] [--only ceph]

The suites are not ours: they are fetched into SCRATCH, unless folders with them are given, and run
in an environment of their own there. The score goes to SCRATCH/s3.json and to standard output.
"""

import argparse
import configparser
import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import boto3

CEPH, MOTO = "https://github.com/ceph/s3-tests", "https://github.com/getmoto/moto"
MOTO_VERSION = "5.2.5"
# What AWS itself does not pass, and what is out of scope: see docs/compatibility.md.
MARKS = (
    "fails_on_aws",
    "encryption",
    "bucket_logging",
    "lifecycle_expiration",
    "lifecycle_transition",
    "iam_user",
)
NEEDS = ("boto3", "munch", "isodate", "requests", "pytz", "httplib2", "lxml", "PyYAML", "gevent")
USERS = {
    "s3 main": ("judge-main", "1" * 64, "tester@example.com"),
    "s3 alt": ("judge-alt", "2" * 64, "john.doe@example.com"),
    "s3 tenant": ("judge-tenant", "3" * 64, "tenanteduser@example.com"),
    "iam": ("judge-iam", "4" * 64, "s3@example.com"),
}
TEST_S_MAX = 100


def main() -> None:
    """Run the suites and write down how they went."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("scratch", type=Path)
    parser.add_argument("--ceph", type=Path, help="a folder with s3-tests")
    parser.add_argument("--moto", type=Path, help=f"a folder with moto {MOTO_VERSION}'s source")
    parser.add_argument("--only", choices=("ceph", "moto"))
    parser.add_argument("--at-once", type=int, default=1, help="processes that run tests")
    given = parser.parse_args()
    scratch: Path = given.scratch.resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    people = make_users()
    score: dict[str, Any] = {}
    if given.only != "moto":
        suite = given.ceph or fetched(CEPH, scratch / "s3-tests")
        score["ceph s3-tests"] = run_ceph(suite.resolve(), scratch, people, given.at_once)
    if given.only != "ceph":
        suite = given.moto or fetched(MOTO, scratch / "moto", MOTO_VERSION)
        score["moto aws_verified"] = run_moto(suite.resolve(), scratch, people)
    (scratch / "s3.json").write_text(json.dumps(score, indent=2))
    print(json.dumps(score, indent=2))


def make_users() -> dict[str, dict[str, str]]:
    """Make the users the suites need, each a canonical user of their own."""
    iam, found = boto3.client("iam"), {}
    for section, (name, canonical, email) in USERS.items():
        tags = {"s3-canonical-id": canonical, "s3-email": email, "s3-display-name": name}
        said = [{"Key": key, "Value": value} for key, value in tags.items()]
        with suppress(iam.exceptions.EntityAlreadyExistsException):  # Of a run before.
            iam.create_user(UserName=name, Tags=said)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        found[section] = {
            "display_name": name,
            "user_id": canonical,
            "email": email,
            "access_key": key["AccessKeyId"],
            "secret_key": key["SecretAccessKey"],
        }
    return found


def fetched(source: str, folder: Path, version: str = "") -> Path:
    """Fetch a suite, unless it is there."""
    if not folder.exists():
        wanted = ("--branch", version) if version else ()
        subprocess.run(("git", "clone", "--depth", "1", *wanted, source, folder), check=True)
    return folder


def environment_of(scratch: Path, name: str, *needs: str) -> Path:
    """Make an environment for a suite; give its interpreter."""
    python = scratch / name / "bin" / "python"
    if not python.exists():
        subprocess.run(("uv", "venv", "--python", sys.executable, scratch / name), check=True)
        packages = ("pytest", "pytest-timeout", "pytest-xdist", *needs)
        subprocess.run(("uv", "pip", "install", "--python", python, *packages), check=True)
    return python


def run_ceph(
    suite: Path, scratch: Path, people: dict[str, dict[str, str]], at_once: int
) -> dict[str, Any]:
    """Run ``test_s3.py`` without what AWS does not pass."""
    place = urlsplit(os.environ["AWS_ENDPOINT_URL"])
    config = configparser.RawConfigParser()
    config.read_dict(
        {
            "DEFAULT": {
                "host": place.hostname,
                "port": place.port or 80,
                "is_secure": place.scheme == "https",
                "ssl_verify": False,
            },
            "fixtures": {"bucket prefix": "judge-{random}-"},
            **people,
            "s3 main": {**people["s3 main"], "api_name": "eu-west-1"},
            "s3 tenant": {**people["s3 tenant"], "tenant": "testx"},
            "iam root": people["iam"],
            "iam alt root": people["s3 alt"],
        }
    )
    file = scratch / "s3tests.conf"
    with file.open("w") as out:
        config.write(out)
    python = environment_of(scratch, "environment-ceph", *NEEDS)
    marks = " and ".join(f"not {mark}" for mark in MARKS)
    return judged(
        (python, "-m", "pytest", "s3tests/functional/test_s3.py", "-m", marks, "-n", str(at_once)),
        suite,
        scratch / "ceph.xml",
        {"S3TEST_CONF": str(file)},
    )


def run_moto(suite: Path, scratch: Path, people: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Run those of moto's tests of S3 that were run against AWS, as if we were AWS."""
    needs = (f"moto[all,server]=={MOTO_VERSION}", "requests", "freezegun", "pytest-asyncio")
    python = environment_of(scratch, "environment-moto", *needs)
    mine = people["s3 main"]
    return judged(
        (python, "-m", "pytest", "tests/test_s3", "-m", "aws_verified"),
        suite,
        scratch / "moto.xml",
        {
            "MOTO_TEST_ALLOW_AWS_REQUEST": "true",
            "AWS_ACCESS_KEY_ID": mine["access_key"],
            "AWS_SECRET_ACCESS_KEY": mine["secret_key"],
            "AWS_DEFAULT_REGION": "us-east-1",
        },
    )


def judged(
    command: tuple[Any, ...], suite: Path, report: Path, environment: dict[str, str]
) -> dict[str, Any]:
    """Run a suite, and count how its tests ended."""
    limits = ("-q", "-p", "no:cacheprovider", "--timeout", str(TEST_S_MAX))
    subprocess.run(
        (*command, *limits, f"--junitxml={report}"),
        cwd=suite,
        env={**os.environ, **environment},
        check=False,
    )
    ends: dict[str, list[str]] = {"passed": [], "failed": [], "skipped": []}
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        kinds = {child.tag for child in case}
        end = "failed" if kinds & {"failure", "error"} else "passed"
        name = f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"
        ends["skipped" if "skipped" in kinds else end].append(name)
    counts = {end: len(set(names)) for end, names in ends.items()}
    return {**counts, "failing": sorted(set(ends["failed"]))}


if __name__ == "__main__":
    main()
