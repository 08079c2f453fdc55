"""FastAPI and Flask apps that know nothing of us, deployed as they are."""

import json
import socket

import httpx
import pytest
from websockets.sync.client import connect

from tests.functional.examples.conftest import Deployed
from tests.functional.running import Platform

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def fastapi(deployed: Deployed) -> httpx.Client:
    return deployed("fastapi-app")


@pytest.fixture(scope="module")
def flask(deployed: Deployed) -> httpx.Client:
    return deployed("flask-app")


def test_fastapi_routes_and_middleware(fastapi: httpx.Client) -> None:
    answer = fastapi.get("/")
    assert answer.json()["message"] == "Welcome to the bookshelf"
    assert float(answer.headers["x-took-ms"]) >= 0


def test_fastapi_lifespan_dependencies_and_models(fastapi: httpx.Client) -> None:
    found = fastapi.get("/books", params={"tag": "c"}).json()
    assert [book["title"] for book in found] == ["The C Programming Language"]
    assert fastapi.get("/books/0000000000000").status_code == 404


def test_fastapi_says_itself_what_is_wrong(fastapi: httpx.Client) -> None:
    answer = fastapi.post("/books/check", json={"isbn": "1", "title": "", "year": 1000})
    assert answer.status_code == 422
    assert {error["loc"][-1] for error in answer.json()["detail"]} == {"isbn", "title", "year"}


def test_fastapi_upload(fastapi: httpx.Client) -> None:
    files = {"cover": ("cover.png", b"\x89PNG" + bytes(100_000), "image/png")}
    answer = fastapi.post("/books/9780131103627/cover", files=files)
    assert answer.json() == {
        "title": "The C Programming Language",
        "file": "cover.png",
        "bytes": 100_004,
    }


def test_fastapi_streams(fastapi: httpx.Client) -> None:
    lines = fastapi.get("/export.csv").text.splitlines()
    assert lines[0] == "isbn,title,year"
    assert len(lines) == 4


def test_fastapi_docs_and_openapi(fastapi: httpx.Client) -> None:
    assert "swagger" in fastapi.get("/docs").text.lower()
    assert fastapi.get("/openapi.json").json()["info"]["title"] == "Bookshelf"


def test_fastapi_websocket(fastapi: httpx.Client, platform: Platform) -> None:
    wire = socket.create_connection(("127.0.0.1", platform.port))
    uri = f"ws://fastapi-app.localhost:{platform.port}/ask"
    with connect(uri, sock=wire) as websocket:
        websocket.send("The M")
        assert json.loads(websocket.recv()) == {
            "typed": "the m",
            "found": ["The Mythical Man-Month"],
        }


def test_flask_form_session_and_redirect(flask: httpx.Client) -> None:
    assert "None yet." in flask.get("/").text
    added = flask.post("/notes", data={"text": "buy <tea>"})
    assert added.status_code == 302
    assert added.headers["location"] == "/"
    # The session is the client's cookie, whichever instance answers.
    session = {"cookie": added.headers["set-cookie"].partition(";")[0]}
    assert "buy &lt;tea&gt;" in flask.get("/", headers=session).text
    assert flask.get("/notes.json", headers=session).json() == {"notes": ["buy <tea>"]}


def test_flask_upload(flask: httpx.Client) -> None:
    answer = flask.post("/wordcount", files={"text": ("a.txt", b"one two\nthree\n", "text/plain")})
    assert answer.json() == {"words": 3, "lines": 2}


def test_flask_error_page(flask: httpx.Client) -> None:
    answer = flask.get("/nowhere")
    assert answer.status_code == 404
    assert answer.json() == {"error": "there is nothing at /nowhere"}
