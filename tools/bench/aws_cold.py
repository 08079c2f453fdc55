"""Lambda functions beside our own: their cold starts, and a warm call through Invoke."""

import base64
import io
import json
import time
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.functional.running import Platform
from tools.bench import cold, ours
from tools.bench.client import Connection
from tools.bench.results import Result, Table, Verdict, quantile
from tools.bench.servers import CannotMeasure

KEY, SECRET = "AKIABENCH", "bench"
REGION, ROLE = "us-east-1", "arn:aws:iam::000000000000:role/bench"
FUNCTIONS = "/2015-03-31/functions"
WARM_CALLS = 500
WARM_RATIO_MAX = 1.5
PYTHON = "def handler(event, context):\n    return 'Hello, world!'\n"
BOTO3 = f"import boto3\nS3, SQS = boto3.client('s3'), boto3.client('sqs')\n{PYTHON}"
NODE = "exports.handler = async () => 'Hello, world!';\n"
KINDS: Mapping[str, tuple[str, str, str]] = {
    "Lambda, Python": ("python3.12", "app.py", PYTHON),
    "Lambda, Python with clients of boto3": ("python3.12", "app.py", BOTO3),
    "Lambda, Node.js": ("nodejs20.x", "app.js", NODE),
}


def measure(*, calls: int) -> Result:
    """Measure; the same function of our own in the same run."""
    rows: list[tuple[str, ...]] = []
    numbers: dict[str, object] = {}
    verdicts: list[Verdict] = []
    with ours.platform(aws_access_key=KEY, aws_secret_key=SECRET) as running:
        ours.deploy(running, ours.HELLO_APP, "hello")
        found = [cold.fresh(running, "hello", ours.HELLO_APP, one) for one in range(calls)]
        rows.append(_row("our own, Python", found))
        native = ours.timed_calls(running, "hello", "/", WARM_CALLS)
        warm = [_row("our own, Python", native)]
        for name, (runtime, file, code) in KINDS.items():
            print(f"bench: {name}", flush=True)
            client = Lambda(running, runtime=runtime, file=file)
            client.make(code)
            found = [client.fresh(code, one) for one in range(calls)]
            rows.append(_row(name, found))
            called = client.calls(WARM_CALLS)
            warm.append(_row(name, called))
            numbers[name] = {"cold_ms": found, "warm_ms": called}
            if name == "Lambda, Python":
                verdicts += [
                    *cold.with_zygote("Lambda, Python", found, 1.0),
                    _judge(native, called),
                ]
    head = ("what", "calls", "p50 ms", "p90 ms", "p99 ms", "most ms")
    note = (
        "Requests are signed before the clock starts. Node.js is a process of its own in each "
        "instance: nothing of it is shared between starts."
    )
    return Result(
        verdicts=verdicts,
        tables=[
            Table(title="Lambda functions: cold starts", head=head, rows=rows, note=note),
            Table(title="Lambda functions: warm calls", head=head, rows=warm, note=note),
        ],
        numbers=numbers,
    )


def _row(name: str, found: list[float]) -> tuple[str, ...]:
    cells = [f"{quantile(found, part):.2f}" for part in (0.5, 0.9, 0.99, 1.0)]
    return (name, str(len(found)), *cells)


def _judge(native: list[float], called: list[float]) -> Verdict:
    own, theirs = quantile(native, 0.5), quantile(called, 0.5)
    return Verdict(
        promise="Invoke beside the native call, 1 connection",
        wanted=f"<= {WARM_RATIO_MAX:g} times",
        found=f"{own:.2f} ms, {theirs:.2f} ms: {theirs / own:.2f} times",
        kept=theirs <= own * WARM_RATIO_MAX,
    )


class Lambda:
    """One function, through the interface of AWS."""

    def __init__(self, running: Platform, *, runtime: str, file: str) -> None:
        self._running, self._runtime, self._file = running, runtime, file
        self.name = runtime.partition(".")[0]
        self._signer = SigV4Auth(Credentials(KEY, SECRET), "lambda", REGION)
        self._made = 0

    def make(self, code: str) -> None:
        """Create it, or give it this code."""
        about = {
            "FunctionName": self.name,
            "Runtime": self._runtime,
            "Handler": "app.handler",
            "Role": ROLE,
            "Code": {"ZipFile": _zip(self._file, code)},
            "Timeout": 10,
            "MemorySize": 256,
        }
        status, body = self._ask("POST", FUNCTIONS, about)
        if status == 409:
            self._update(code)
        elif status != 201:
            raise CannotMeasure(f"{self._runtime}: {status} {body[:300]!r}")

    def fresh(self, code: str, number: int) -> float:
        """Give it other code, and time the first call of that."""
        comment = "//" if self._file.endswith(".js") else "#"
        self._update(f"{code}\n{comment} {number}\n")
        time.sleep(cold.SETTLE_S)
        return self.calls(1)[0]

    def calls(self, count: int) -> list[float]:
        """Call one after the other on a kept connection; give milliseconds."""
        data = self.signed("POST", f"{FUNCTIONS}/{self.name}/invocations", b"{}")
        found = []
        with Connection(self._running.port) as connection:
            for _ in range(count):
                began = time.perf_counter()
                connection.send(data)
                answer = connection.receive()
                found.append((time.perf_counter() - began) * 1000)
                if answer.status != 200 or answer.body != b'"Hello, world!"':
                    raise CannotMeasure(f"Invoke: {answer.status} {answer.body[:300]!r}")
        return found

    def _update(self, code: str) -> None:
        about = {"ZipFile": _zip(self._file, code)}
        status, body = self._ask("PUT", f"{FUNCTIONS}/{self.name}/code", about)
        if status != 200:
            raise CannotMeasure(f"{self._runtime}: {status} {body[:300]!r}")
        self._wait(lambda told: told["LastUpdateStatus"] == "Successful")

    def _wait(self, done: Callable[[Any], bool]) -> None:
        for _ in range(500):
            _, body = self._ask("GET", f"{FUNCTIONS}/{self.name}/configuration")
            if done(json.loads(body)):
                return
            time.sleep(0.02)
        raise CannotMeasure(f"{self._runtime}: its update does not come to an end")

    def _ask(self, method: str, path: str, about: Any = None) -> tuple[int, bytes]:
        body = b"" if about is None else json.dumps(about).encode()
        with Connection(self._running.port) as connection:
            connection.send(self.signed(method, path, body))
            answer = connection.receive()
            return answer.status, answer.body

    def signed(self, method: str, path: str, body: bytes) -> bytes:
        """Write a request that is signed now."""
        url = f"http://127.0.0.1:{self._running.port}"
        asked = AWSRequest(method=method, url=url + path, data=body)
        self._signer.add_auth(asked)
        head = [f"{method} {path} HTTP/1.1", f"host: 127.0.0.1:{self._running.port}"]
        head += [f"{name}: {value}" for name, value in asked.headers.items()]
        head.append(f"content-length: {len(body)}")
        return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def _zip(file: str, code: str) -> str:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(file, code)
    return base64.b64encode(out.getvalue()).decode()
