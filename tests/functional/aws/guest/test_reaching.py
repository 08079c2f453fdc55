"""What a Lambda function reaches from its sandbox: this node's interface of AWS, and no more."""

import base64
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from tests.functional.running import Platform

ROLE = "arn:aws:iam::000000000000:role/guest"
Client = Callable[..., Any]

ASKS = """
import boto3, http.client, os, socket
from urllib.parse import urlsplit
S3, STS = boto3.client("s3"), boto3.client("sts")
WHO_AT_IMPORT = STS.get_caller_identity()["Arn"]
def ask(path, host=None, **headers):
    connection = http.client.HTTPConnection(urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc)
    headers = {**headers, **({"host": host} if host else {})}
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return [answer.status, answer.headers["content-type"], answer.read().decode()[:300]]
def tried(*address):
    try:  # What may go nowhere is let in first, and then reset.
        with socket.create_connection(address, timeout=10) as connection:
            connection.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
            return "open" if connection.recv(1) else "closed"
    except OSError as error:
        return type(error).__name__
def handler(event, context):
    bucket = event["bucket"]
    S3.create_bucket(Bucket=bucket)
    S3.put_object(Bucket=bucket, Key="a", Body=b"x" * 100_000)
    return {
        "who": STS.get_caller_identity()["Arn"],
        "who_at_import": WHO_AT_IMPORT,
        "boto3": boto3.__file__,
        "size": len(S3.get_object(Bucket=bucket, Key="a")["Body"].read()),
        "asked": [ask(*one) for one in event["asks"]],
        "tried": [tried(*one) for one in event["tries"]],
        "secret": os.environ["AWS_SECRET_ACCESS_KEY"],
        "key": no_key(),
    }
def no_key():
    try:
        boto3.client("iam").create_access_key()
    except Exception as error:
        return str(error)
"""

# Works on its call until it is told to end it, and asks with its own keys all the while.
STAYS = """
import boto3, time
S3 = boto3.client("s3")
def handler(event, context):
    S3.put_object(Bucket=event, Key="begun")
    while not S3.list_objects_v2(Bucket=event, Prefix="end").get("Contents"):
        time.sleep(0.02)
    return "ended"
"""


def zipped(files: Mapping[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o755 << 16
            archive.writestr(info, text)
    return out.getvalue()


@contextmanager
def function(
    client: Client, name: str, files: Mapping[str, str], **more: Any
) -> Iterator[Callable[[Any], Any]]:
    """Make a function; give what calls it. It is removed."""
    made = client("lambda")
    values = {"Runtime": "python3.12", "Handler": "app.handler", "Timeout": 20, "MemorySize": 256}
    made.create_function(
        FunctionName=name, Role=ROLE, Code={"ZipFile": zipped(files)}, **{**values, **more}
    )

    def invoke(event: Any) -> Any:
        answer = made.invoke(FunctionName=name, Payload=json.dumps(event))
        payload = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, payload
        return payload

    try:
        made.get_waiter("function_active_v2").wait(FunctionName=name)
        yield invoke
    finally:
        with suppress(made.exceptions.ResourceNotFoundException):
            made.delete_function(FunctionName=name)


@pytest.mark.parametrize("egress", ["", "all"])
def test_boto3_works_unbundled_and_nothing_else_is_reached(
    aws: Platform, client: Client, egress: str
) -> None:
    host, port = aws.url.removeprefix("http://").split(":")
    asks = [
        ["/_/api/v1/apps"],
        ["/_/"],
        ["/_/v1/docs/users", f"aws.localhost:{port}"],
        ["/", f"tapwater.localhost:{port}"],
    ]
    tries = [[host, int(port)], ["169.254.169.254", 80]]
    bucket = f"guest-reaching-{egress or 'none'}"
    tags = {"tapwater:egress": egress} if egress else {}
    with function(client, bucket, {"app.py": ASKS}, Tags=tags) as invoke:
        told = invoke({"bucket": bucket, "asks": asks, "tries": tries})
        assert told["who"] == told["who_at_import"]
        assert told["who"] == f"arn:aws:sts::000000000000:assumed-role/guest/{bucket}"
        assert told["boto3"] == "/var/runtime/boto3/__init__.py"
        assert told["size"] == 100_000
        for status, kind, body in told["asked"]:
            # What answers is S3, to somebody who did not sign.
            assert status in (400, 403, 404), body
            assert "xml" in kind, body
        assert "open" not in told["tried"]
        stored = b"".join(path.read_bytes() for path in aws.data.glob("*.db*"))
        assert told["secret"].encode() not in stored
        # A role of no user's is not the account: it is given no key of it.
        assert "not authorized" in told["key"] or "non-User credentials" in told["key"]
    s3 = client("s3")
    s3.delete_object(Bucket=bucket, Key="a")
    s3.delete_bucket(Bucket=bucket)


@pytest.mark.parametrize("removed", [False, True])
def test_the_keys_of_a_running_call_hold_to_its_end(client: Client, removed: bool) -> None:
    """... though another revision has taken the place of its own, or the function is gone."""
    name, s3 = "guest-stays", client("s3")
    s3.create_bucket(Bucket=name)
    with function(client, name, {"app.py": STAYS}) as invoke, ThreadPoolExecutor(1) as pool:
        call = pool.submit(invoke, name)
        s3.get_waiter("object_exists").wait(
            Bucket=name, Key="begun", WaiterConfig={"Delay": 0.05, "MaxAttempts": 200}
        )
        made = client("lambda")
        if removed:
            made.delete_function(FunctionName=name)
        else:
            made.update_function_configuration(FunctionName=name, Description="another")
        s3.put_object(Bucket=name, Key="end")
        assert call.result() == "ended"
    for key in ("begun", "end"):
        s3.delete_object(Bucket=name, Key=key)
    s3.delete_bucket(Bucket=name)


def test_a_log_line_that_is_an_object_stays_as_it_was_written(client: Client) -> None:
    line = '{"level": "WARN", "message": "slow", "ms": 12}'
    code = f"def handler(event, context):\n    print({line!r})\n"
    with function(client, "guest-says", {"app.py": code}):
        answer = client("lambda").invoke(FunctionName="guest-says", LogType="Tail")
        assert line in base64.b64decode(answer["LogResult"]).decode().splitlines()
