"""FastAPI and Flask apps, unmodified; bare ASGI and WSGI at their edges."""

from tapwater.runtime import wire
from tests.functional.guest.conftest import MakeHost

_FASTAPI = """
    import asyncio
    from contextlib import asynccontextmanager
    from fastapi import BackgroundTasks, FastAPI, Request
    from fastapi.responses import StreamingResponse
    from pydantic import BaseModel

    @asynccontextmanager
    async def lifespan(app):
        print("started")
        yield {"pool": "p1"}
        print("stopped")

    app = FastAPI(lifespan=lifespan)

    class Item(BaseModel):
        name: str
        price: float

    @app.get("/")
    def root(request: Request):
        return {"pool": request.state.pool, "url": str(request.url)}

    @app.post("/items")
    async def add(item: Item, tasks: BackgroundTasks):
        tasks.add_task(print, "later")
        return item

    @app.post("/upload")
    async def upload(request: Request):
        return sum([len(piece) async for piece in request.stream()])

    @app.get("/stream")
    async def stream():
        async def pieces():
            for n in range(3):
                yield str(n)
        return StreamingResponse(pieces())

    @app.get("/wait")
    async def wait(request: Request):
        while not await request.is_disconnected():
            pass
        print("client gone")

    @app.get("/broken")
    def broken():
        raise ValueError("broken")
"""


def test_fastapi_unmodified(make_host: MakeHost) -> None:
    host = make_host(_FASTAPI)
    told = host.call(path="/", root_path="/users-api/one", headers={"host": "shop.localhost:8080"})
    assert told.json() == {"pool": "p1", "url": "http://shop.localhost:8080/users-api/one/"}
    assert (2, "started") in host.told[0].logs
    json_type = {"content-type": "application/json"}
    told = host.call("POST", "/items", data={"name": "x", "price": 2}, headers=json_type)
    assert told.json() == {"name": "x", "price": 2.0}
    told = host.call("POST", "/items", data={"name": "x"}, headers=json_type)
    assert told.status == 422
    assert host.call(path="/stream").pieces == [b"0", b"1", b"2"]
    assert host.call(path="/nowhere").status == 404
    assert host.stop() == 0


def test_fastapi_takes_uploads_larger_than_the_window(make_host: MakeHost) -> None:
    host = make_host(_FASTAPI)
    body = b"x" * (600 << 10)
    number = host.start("POST", "/upload", body=b"", more=True)
    host.granted = wire.WINDOW_BYTES
    while body:
        piece, body = body[: 32 << 10], body[32 << 10 :]
        while host.granted < len(piece):
            host.step()
        host.granted -= len(piece)
        host.send(wire.pack_body(number, piece, last=not body))
    assert host.wait_end(number).json() == 600 << 10


def test_fastapi_sees_the_disconnect(make_host: MakeHost) -> None:
    host = make_host(_FASTAPI)
    number = host.start(path="/wait")
    host.cancel(number)
    told = host.wait_end(number)
    assert told.failure is not None
    assert told.failure["ending"] == "cancelled"


def test_fastapi_exception_is_its_500_and_a_trace_in_the_log(make_host: MakeHost) -> None:
    host = make_host(_FASTAPI)
    told = host.call(path="/broken")
    assert told.status == 500
    while not any("ValueError: broken" in text for _, text in told.logs):
        host.step()
    assert host.call(path="/stream").status == 200


def test_fastapi_whose_lifespan_fails_says_start_failed(make_host: MakeHost) -> None:
    host = make_host(
        """
        from contextlib import asynccontextmanager
        from fastapi import FastAPI

        @asynccontextmanager
        async def lifespan(app):
            raise OSError("no database")
            yield

        app = FastAPI(lifespan=lifespan)
        """
    )
    failure = host.call().failure
    assert failure is not None
    assert failure["ending"] == "start_failed"
    assert "no database" in failure["message"]
    assert host.wait_exit() == 0


def test_asgi_without_lifespan_and_without_answer(make_host: MakeHost) -> None:
    host = make_host(
        """
        async def app(scope, receive, send):
            assert scope["type"] == "http"
            if scope["path"] == "/half":
                await send({"type": "http.response.start", "status": 200, "headers": []})
        """
    )
    for path in ("/", "/half"):
        failure = host.call(path=path).failure
        assert failure is not None
        assert "without a complete answer" in failure["message"]


_FLASK = """
    from flask import Flask, request
    app = Flask(__name__)

    @app.get("/")
    def root():
        return {"url": request.url, "script": request.script_root}

    @app.post("/upload")
    def upload():
        return {"sizes": [len(f.read()) for f in request.files.values()]}

    @app.post("/echo")
    def echo():
        return request.get_data()

    @app.get("/stream")
    def stream():
        return (f"{n}" for n in range(3))

    @app.get("/broken")
    def broken():
        raise ValueError("broken")
"""


def test_flask_unmodified(make_host: MakeHost) -> None:
    host = make_host(_FLASK)
    told = host.call(path="/", root_path="/users-api/one", headers={"host": "shop.localhost:8080"})
    assert told.json() == {
        "url": "http://shop.localhost:8080/users-api/one/",
        "script": "/users-api/one",
    }
    assert told.code is None  # in one piece
    assert host.call(path="/stream").pieces == [b"0", b"1", b"2"]
    told = host.call("POST", "/echo", body=b"abc", headers={"content-length": "3"})
    assert told.body == b"abc"
    broken = host.call(path="/broken")
    assert broken.status == 500
    assert any("ValueError: broken" in text for _, text in broken.logs)
    assert host.call(path="/nowhere").status == 404
    assert host.stop() == 0


def test_flask_takes_uploads_without_a_length(make_host: MakeHost) -> None:
    host = make_host(_FLASK)
    number = host.start("POST", "/echo", body=b"a" * 1000, more=True)
    host.send(wire.pack_body(number, b"b" * 1000, last=True))
    assert host.wait_end(number).body == b"a" * 1000 + b"b" * 1000


def test_flask_on_threads(make_host: MakeHost) -> None:
    host = make_host(
        "from tapwater import options\noptions(concurrency=4)\n"
        + "\n".join(line[4:] for line in _FLASK.splitlines())
    )
    numbers = [host.start(path="/stream") for _ in range(8)]
    assert [host.wait_end(number).body for number in numbers] == [b"012"] * 8


def test_wsgi_at_its_edges(make_host: MakeHost) -> None:
    host = make_host(
        """
        def app(environ, start_response):
            path = environ["PATH_INFO"]
            if path == "/write":
                write = start_response("200 OK", [("X-A", "1")])
                write(b"a")
                return [b"b"]
            if path == "/nothing":
                return []
            if path == "/late":
                def late():
                    start_response("201 Created", [])
                    yield b"late"
                return late()
            start_response("204 No Content", [])
            return []
        """
    )
    told = host.call(path="/write")
    assert (told.body, told.headers) == (b"ab", {"x-a": "1"})
    assert host.call(path="/").status == 204
    assert host.call(path="/nothing").failure is not None
    told = host.call(path="/late")
    assert (told.status, told.body) == (201, b"late")
