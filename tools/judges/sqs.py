"""Runs moto's tests of SQS and SNS against a node of ours, and says how many passed.

    python -m tools.judges.sqs FOLDER --source moto-5.2.5.tar.gz

FOLDER takes what is installed and unpacked for this; nothing of it belongs to the project. The
source of moto (its repository at that version, packed or as a folder) has the tests. Two runs:

verified  those marked ``aws_verified``: their authors ran them against AWS. They ask us as they
          would ask AWS.
server    all others that can be run against a server at all (moto's "server mode"). They say what
          moto does, which is not everywhere what AWS does.
"""

import argparse
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.functional.running import Platform

MOTO_VERSION = "5.2.5"
ACCOUNT = "123456789012"
KEYS = {"AWS_ACCESS_KEY_ID": "FOOBARKEY", "AWS_SECRET_ACCESS_KEY": "FOOBARSECRET"}
PACKAGES = (f"moto[server]=={MOTO_VERSION}", "pytest", "pytest-timeout", "freezegun", "requests")
TEST_S_MAX = 60
RUN_S_MAX = 1_800
HERE = Path(__file__).resolve().parent
FILES: Mapping[str, Sequence[str]] = {
    "sqs": ("tests/test_sqs/test_sqs.py", "tests/test_sqs/test_sqs_message_attributes.py"),
    "sns": (
        "tests/test_sns/test_publish_batch.py",
        "tests/test_sns/test_publishing.py",
        "tests/test_sns/test_subscriptions.py",
        "tests/test_sns/test_topics.py",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How one run ended."""

    run: str
    passed: int
    failed: int
    skipped: int
    failures: Sequence[str]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.judges.sqs", description=__doc__)
    parser.add_argument("folder", type=Path, help="where to install and unpack")
    parser.add_argument("--source", type=Path, required=True, help="moto's repository")
    asked = parser.parse_args()
    folder = asked.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    source, python = unpacked(asked.source, folder), installed(folder)
    scores = []
    for service, files in FILES.items():
        for verified in (True, False):
            with node(folder) as url:
                chosen = [f"tests/test_{service}"] if verified else files
                name = f"{service} {'verified' if verified else 'server'}"
                scores.append(judged(name, python, source, chosen, url=url, verified=verified))
    for score in scores:
        print(f"{score.run}: {score.passed} passed, {score.failed} failed, {score.skipped} skipped")
        for failure in score.failures:
            print(f"    {failure}")
    said = [{name: getattr(score, name) for name in score.__slots__} for score in scores]
    (folder / "score.json").write_text(json.dumps(said, indent=1) + "\n")
    return 0


def unpacked(source: Path, folder: Path) -> Path:
    """Give the folder of moto's repository."""
    if source.is_dir():
        return source.resolve()
    with tarfile.open(source) as archive:
        top = archive.getnames()[0].split("/")[0]
        if not (folder / top).exists():
            archive.extractall(folder, filter="data")
    return folder / top


def installed(folder: Path) -> Path:
    """Make the environment that the tests run in; give its interpreter."""
    python = folder / "venv" / "bin" / "python"
    if not (folder / "installed").exists():
        subprocess.run((sys.executable, "-m", "venv", str(folder / "venv")), check=True)
        subprocess.run((str(python), "-m", "pip", "install", "--quiet", *PACKAGES), check=True)
        (folder / "installed").write_text("\n".join(PACKAGES))
    return python


@contextmanager
def node(folder: Path) -> Iterator[str]:
    """Start a node with the account and the key that moto's tests use."""
    settings = {
        "TAPWATER_AWS_ACCOUNT_ID": ACCOUNT,
        "TAPWATER_AWS_ACCESS_KEY": KEYS["AWS_ACCESS_KEY_ID"],
        "TAPWATER_AWS_SECRET_KEY": KEYS["AWS_SECRET_ACCESS_KEY"],
    }
    number = sum(1 for _ in folder.glob("data-*"))
    with Platform(folder / f"data-{number}", settings=settings) as running:
        yield running.url


def judged(
    name: str, python: Path, source: Path, files: Sequence[str], *, url: str, verified: bool
) -> Score:
    """Run tests; count how they ended."""
    report = python.parents[2] / f"{name.replace(' ', '-')}.xml"
    command = [str(python), "-m", "pytest", "-q", "--timeout", str(TEST_S_MAX)]
    command += ["-p", "no:cacheprovider", f"--junitxml={report}", *files]
    environment = {**os.environ, **KEYS, "AWS_DEFAULT_REGION": "us-east-1"}
    if verified:
        command += ["-m", "aws_verified"]
        environment |= {"AWS_ENDPOINT_URL": url, "MOTO_TEST_ALLOW_AWS_REQUEST": "true"}
    else:
        command += ["-m", "not aws_verified", "-p", "moto_clean"]
        environment |= {
            "PYTHONPATH": str(HERE),
            "TEST_SERVER_MODE": "true",
            "TEST_SERVER_MODE_ENDPOINT": url,
        }
    subprocess.run(command, cwd=source, env=environment, timeout=RUN_S_MAX, check=False)
    return score_of(name, report)


def score_of(name: str, report: Path) -> Score:
    """Read what pytest has written down."""
    failures, skipped, passed = list[str](), 0, 0
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            failures.append(f"{case.get('classname')}::{case.get('name')}")
        elif "skipped" in kinds:
            skipped += 1
        else:
            passed += 1
    return Score(run=name, passed=passed, failed=len(failures), skipped=skipped, failures=failures)


if __name__ == "__main__":
    raise SystemExit(main())
