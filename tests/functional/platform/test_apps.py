"""What an app may be: files, one script, any framework, another Python; and who may ask it."""

import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.functional.running import Platform
from tests.not_testable import CannotTest

pytestmark = pytest.mark.slow

SITE = {
    "tapwater.toml": (
        '[cors]\norigins = ["https://shop.example"]\nmethods = ["GET", "PUT"]\n'
        'headers = ["x-mine"]\ncredentials = true\nmax_age = 60\n'
        '[env]\nMODE = "production"\n[functions."site/where"]\nenvironment = {PLACE = "here"}\n'
    ),
    "public/index.html": "<h1>home</h1>",
    "public/style.css": "body { color: teal }",
    "public/site-api/where": "a file at a function's place",
    "site/restful/where.py": (
        "import os\n\ndef get():\n    return [os.environ['MODE'], os.environ['PLACE']]\n\n"
        "def put():\n    return 'put'\n"
    ),
    "site/restful/item/[id].py": "def get(id: int):\n    return {'id': id}\n",
    "site/restful/all/[...rest].py": "def get(rest: str):\n    return rest\n",
}


@pytest.fixture(scope="module")
def site(platform: Platform) -> Platform:
    platform.deploy(SITE, "site")
    return platform


# What is asked, and what comes: method, path, status, a part of the body.
PATHS = [
    ("GET", "/", 200, "<h1>home</h1>"),
    ("GET", "/style.css", 200, "teal"),
    ("HEAD", "/style.css", 200, ""),
    ("GET", "/nothing", 404, "not_found"),
    ("GET", "/../tapwater.toml", 400, "malformed"),
    ("GET", "/%2e%2e/tapwater.toml", 400, ""),
    ("GET", "/site-api/where", 200, '["production","here"]'),
    ("HEAD", "/site-api/where", 200, ""),
    ("OPTIONS", "/site-api/where", 204, ""),
    ("DELETE", "/site-api/where", 405, "method_not_allowed"),
    ("GET", "/site-api/item/7", 200, '{"id":7}'),
    ("GET", "/site-api/item/seven", 422, "path.id"),
    ("GET", "/site-api/all/a/b/c", 200, "a/b/c"),
    ("GET", "/site-api/all", 404, "not_found"),
    ("GET", "/_/health", 200, "ok"),
    ("GET", "/_/api/v1/apps", 401, "unauthenticated"),
]


@pytest.mark.parametrize(("method", "path", "status", "part"), PATHS)
def test_what_answers_at_a_path(
    site: Platform, method: str, path: str, status: int, part: str
) -> None:
    with socket.create_connection(("127.0.0.1", site.port)) as wire:  # httpx would tidy paths up.
        wire.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: wire.recv(65536), b"")).decode()
    head, _, body = answer.partition("\r\n\r\n")
    assert head.split()[1] == str(status), answer
    assert part in body
    if method == "HEAD":
        assert body == ""


def test_pages_of_the_origins_named_may_ask_and_others_may_not(site: Platform) -> None:
    asked = {"access-control-request-method": "PUT", "access-control-request-headers": "x-mine"}
    ours = {"origin": "https://shop.example"}
    path = "/site-api/where"
    preflight = site.visit("site", path, method="OPTIONS", headers={**ours, **asked})
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "https://shop.example"
    assert "PUT" in preflight.headers["access-control-allow-methods"]
    assert preflight.headers["access-control-allow-credentials"] == "true"
    assert preflight.headers["access-control-max-age"] == "60"
    said = site.visit("site", path, headers=ours)
    assert said.headers["access-control-allow-origin"] == "https://shop.example"
    assert "origin" in said.headers["vary"].lower()
    for method, more in (("OPTIONS", asked), ("GET", {})):
        other = site.visit(
            "site", path, method=method, headers={"origin": "https://evil.example", **more}
        )
        assert "access-control-allow-origin" not in other.headers


SCRIPT = """\
# /// script
# requires-python = ">=3.11"
# dependencies = ["iniconfig>=2"]
# ///
import iniconfig


def get():
    return iniconfig.__name__
"""


def test_a_single_file_with_its_dependencies_inside(platform: Platform) -> None:
    platform.deploy({"script.py": SCRIPT}, "script")
    assert platform.visit("script", "/").text == "iniconfig"


@pytest.mark.parametrize("wanted", ["3.11", "3.12", "3.13", "3.14"])
def test_an_app_runs_on_the_python_that_it_names(
    platform: Platform, cannot_test: CannotTest, wanted: str
) -> None:
    there = platform.api("GET", "/doctor").json()["interpreters"]
    if not any(one["version"].startswith(f"{wanted}.") for one in there):
        cannot_test(f"there is no Python {wanted} on this machine")
    app = f"python{wanted.replace('.', '')}"
    source = "import sys\n\ndef get():\n    return sys.version.split()[0]\n"
    files = {"tapwater.toml": f'python = "{wanted}"\n', "restful/index.py": source}
    revision = platform.deploy(files, app)
    assert revision["python"].startswith(wanted) or wanted in revision["python"]
    assert platform.visit(app, "/").text.startswith(f"{wanted}.")


def test_a_python_that_is_not_there_is_refused(platform: Platform) -> None:
    files = {"tapwater.toml": 'python = "3.99"\n', "restful/index.py": "def get(): ...\n"}
    problem = platform.try_deploy(files, "future")["problem"]
    assert problem["problems"][0]["where"].startswith("tapwater.toml")


REACH = """\
import socket

from tapwater import options

OPTIONS


def get(port: int):
    try:
        with socket.create_connection(("localhost", port), timeout=10) as wire:
            return wire.recv(100).decode()
    except OSError as error:
        return f"refused: {type(error).__name__}"
"""


@contextmanager
def greeter() -> Iterator[int]:
    """A server on this machine's own loopback that greets whoever connects."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                wire, _ = server.accept()
                with wire:
                    wire.settimeout(10)
                    if wire.getpeername() == stop.getsockname():
                        return
                    wire.sendall(b"welcome")

        stop = socket.socket()
        thread = Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            stop.connect(server.getsockname())
            thread.join()
            stop.close()


def test_a_function_reaches_what_it_declared_and_nothing_else(platform: Platform) -> None:
    with greeter() as port:
        declared = REACH.replace("OPTIONS", f"options(egress=['localhost:{port}'])")
        another = REACH.replace("OPTIONS", f"options(egress=['localhost:{port + 1}'])")
        files = {
            "net/restful/declared.py": declared,
            "net/restful/another.py": another,
            "net/restful/nothing.py": REACH.replace("OPTIONS", ""),
        }
        platform.deploy(files, "net")
        said = {
            name: platform.visit("net", f"/net-api/{name}?port={port}").text
            for name in ("declared", "another", "nothing")
        }
    assert said["declared"] == "welcome"
    assert said["another"].startswith("refused: ")
    assert said["nothing"].startswith("refused: ")


def certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for localhost, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)  # noqa: TID251
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert, secret = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return cert, secret


def test_https_from_given_certificates(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    settings = {"TAPWATER_TLS_CERT": str(cert), "TAPWATER_TLS_KEY": str(key)}
    with Platform(tmp_path / "data", settings=settings) as platform:
        assert platform.url.startswith("https://")
        context = ssl.create_default_context(cafile=cert)
        with (
            socket.create_connection(("127.0.0.1", platform.port)) as bare,
            context.wrap_socket(bare, server_hostname="localhost") as wire,
        ):
            assert wire.version() in {"TLSv1.2", "TLSv1.3"}
            wire.sendall(b"GET /_/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: wire.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200 OK")


def test_settings_by_file_environment_and_flag(tmp_path: Path) -> None:
    """The flag goes before the variable, that before the file."""
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "settings.toml"
    file.write_text('instances_max = 11\nstarts_max = 3\nhost = "127.0.0.2"\n')
    settings = {"TAPWATER_STARTS_MAX": "4", "TAPWATER_HOST": "127.0.0.3"}
    flags = ("--host", "127.0.0.4")
    with Platform(tmp_path / "data", settings=settings, flags=flags) as platform:
        limits = platform.api("GET", "/doctor").json()["limits"]
        assert platform.url.startswith("http://127.0.0.4:")
    assert (limits["instances_max"], limits["starts_max"]) == (11, 4)


def test_settings_that_are_wrong_are_all_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "settings.toml").write_text("instances_max = 0\nnonsense = 1\n")
    platform = Platform(tmp_path / "data", settings={"TAPWATER_KEEP_ALIVE_S": "-1"})
    with pytest.raises(AssertionError) as told:
        platform.start()
    assert platform.stop() == 2
    platform.http.close()
    problem = json.loads(platform.log().splitlines()[-1])["problem"]
    for name in ("instances_max", "nonsense", "keep_alive_s"):
        assert name in problem["message"]
    assert "did not start" in str(told.value)
