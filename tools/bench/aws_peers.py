"""S3 and SQS beside moto's servers: the same calls of the same boto3, taking turns."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config

from tools.bench import peers
from tools.bench.ours import platform
from tools.bench.results import Result, Table, median
from tools.bench.servers import CannotMeasure, free_port, stop

MOTO_VERSION = "5.2.5"
START_S_MAX = 60.0
KIB, LARGE_BYTES = os.urandom(1024), 1 << 20
_LARGE = os.urandom(LARGE_BYTES)
_KEYS = {"aws_access_key_id": "AKIABENCH", "aws_secret_access_key": "a secret of benchmarks"}
_TEXT = "x" * 1024
Call = Callable[[], object]
Calls = Mapping[str, Call]


def sqs(*, rounds: int, count: int) -> Result:
    """Send, receive, delete; one at a time and ten at a time."""
    return _measure("SQS", _sqs_calls, rounds=rounds, count=count)


def s3(*, rounds: int, count: int) -> Result:
    """Put and get, small and large; ask for the head, list, delete."""
    return _measure("S3", _s3_calls, rounds=rounds, count=count)


def _measure(title: str, calls_of: Callable[[str], Calls], *, rounds: int, count: int) -> Result:
    print(f"bench: {title} beside moto, {rounds} rounds", flush=True)
    with _moto() as theirs, _ours() as ours:
        mine, other = calls_of(ours), calls_of(theirs)
        taken: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in mine}
        for number in range(rounds):
            for kept, calls in ((0, mine), (1, other))[:: 1 if number % 2 else -1]:
                for name, ms in _lives_ms(calls, count).items():
                    taken[name][kept].append(ms)
    numbers = {
        name: {"ours_ms": median(one), "moto_ms": median(two)} for name, (one, two) in taken.items()
    }
    rows = [
        (
            name,
            f"{one['ours_ms']:.2f}",
            f"{one['moto_ms']:.2f}",
            f"{one['ours_ms'] / one['moto_ms']:.2f}",
        )
        for name, one in numbers.items()
    ]
    table = Table(
        title=f"{title} through boto3, beside moto's server {MOTO_VERSION}",
        head=("call", "Tapwater, ms", "moto, ms", "ratio"),
        rows=rows,
        note="One call after the other, client included, medians of rounds that take turns. What "
        "Tapwater has answered is on disk (fsync), and its signatures are checked; moto keeps all "
        "in memory and checks none.",
    )
    return Result(tables=[table], numbers=numbers)


def _lives_ms(calls: Calls, count: int) -> dict[str, float]:
    """Make all calls, in their order, so many times over: queues and buckets stay shallow, for
    moto's calls take the longer the more there is.
    """
    taken = dict.fromkeys(calls, 0.0)
    for _ in range(count):
        for name, call in calls.items():
            began = time.perf_counter()
            call()
            taken[name] += time.perf_counter() - began
    return {name: seconds * 1000 / count for name, seconds in taken.items()}


def _client(service: str, url: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        **_KEYS,
    )


def _sqs_calls(url: str) -> Calls:
    client = _client("sqs", url)
    queue = client.create_queue(QueueName="bench")["QueueUrl"]
    batches = client.create_queue(QueueName="batches")["QueueUrl"]
    held: list[str] = []
    entries = [{"Id": str(n), "MessageBody": _TEXT} for n in range(10)]
    ten: list[list[dict[str, str]]] = []

    def receive() -> None:
        [got] = client.receive_message(QueueUrl=queue)["Messages"]
        held.append(got["ReceiptHandle"])

    def receive_ten() -> None:
        found = client.receive_message(QueueUrl=batches, MaxNumberOfMessages=10)["Messages"]
        assert len(found) == 10
        ten.append(
            [{"Id": one["MessageId"], "ReceiptHandle": one["ReceiptHandle"]} for one in found]
        )

    return {
        "SendMessage, 1 KiB": lambda: client.send_message(QueueUrl=queue, MessageBody=_TEXT),
        "ReceiveMessage": receive,
        "DeleteMessage": lambda: client.delete_message(QueueUrl=queue, ReceiptHandle=held.pop()),
        "SendMessageBatch, 10": lambda: client.send_message_batch(
            QueueUrl=batches, Entries=entries
        ),
        "ReceiveMessage, 10": receive_ten,
        "DeleteMessageBatch, 10": lambda: client.delete_message_batch(
            QueueUrl=batches, Entries=ten.pop()
        ),
    }


def _s3_calls(url: str) -> Calls:
    client = _client("s3", url)
    client.create_bucket(Bucket="bench")
    at = {"Bucket": "bench", "Key": "small"}
    large = {"Bucket": "bench", "Key": "large"}
    made = iter(range(1 << 30))
    gone = iter(range(1 << 30))

    def get(where: Mapping[str, str]) -> None:
        client.get_object(**where)["Body"].read()

    for number in range(100):
        client.put_object(Bucket="bench", Key=f"listed/{number}", Body=KIB)
    client.put_object(**at, Body=KIB)
    client.put_object(**large, Body=_LARGE)
    return {
        "PutObject, 1 KiB": lambda: client.put_object(
            Bucket="bench", Key=f"many/{next(made)}", Body=KIB
        ),
        "PutObject, 1 MiB": lambda: client.put_object(**large, Body=_LARGE),
        "GetObject, 1 KiB": lambda: get(at),
        "GetObject, 1 MiB": lambda: get(large),
        "HeadObject": lambda: client.head_object(**at),
        "ListObjectsV2, 100 keys": lambda: client.list_objects_v2(Bucket="bench", Prefix="listed/"),
        "DeleteObject": lambda: client.delete_object(Bucket="bench", Key=f"many/{next(gone)}"),
    }


@contextmanager
def _ours() -> Iterator[str]:
    keys = {
        "aws_access_key": _KEYS["aws_access_key_id"],
        "aws_secret_key": _KEYS["aws_secret_access_key"],
    }
    with platform(**keys) as running:
        yield running.url


@contextmanager
def _moto() -> Iterator[str]:
    python = peers.environment("moto", [f"moto[server]=={MOTO_VERSION}"])
    port = free_port()
    log = peers.cache() / "moto.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            (str(python.parent / "moto_server"), "-H", "127.0.0.1", "-p", str(port)),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url)
        yield url
    finally:
        stop(process)


def _wait(url: str) -> None:
    client, end = _client("sqs", url), time.monotonic() + START_S_MAX
    while True:
        try:
            client.list_queues()
        except Exception as error:
            if time.monotonic() > end:
                raise CannotMeasure(f"moto's server does not answer: {error}") from error
            time.sleep(0.05)
        else:
            return
