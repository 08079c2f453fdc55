"""Modules: what is found in them, and what is said when nothing is."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tapwater.runtime.loading import Loaded, LoadError, load_here


class Folder:
    """An app's folder on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self, source: str, file: str = "users/restful/register.py", **image: Any) -> Loaded:
        target = self.path / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(source)
        name = {"code": str(self.path), "module": file, "function": "shop:users/register"}
        return load_here({**name, **image})

    def manifest(self, source: str, **more: Any) -> dict[str, Any]:
        loaded = self.load(source, **more)
        told: dict[str, Any] = json.loads(json.dumps(loaded.manifest))
        return told


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    modules, path = dict(sys.modules), list(sys.path)
    yield Folder(tmp_path)
    sys.path[:] = path
    for name in set(sys.modules) - set(modules):
        if name.startswith(("users.", "users", "lib")):
            del sys.modules[name]


def test_verbs(folder: Folder) -> None:
    told = folder.manifest('"""Sign up."""\ndef get(): ...\nasync def post(body: dict): ...\n')
    expected = {
        "wire": 1,
        "kind": "restful",
        "style": "verbs",
        "verbs": ["GET", "HEAD", "OPTIONS", "POST"],
        "websocket": False,
        "mount": False,
        "body": True,
        "triggers": [],
        "description": "Sign up.",
        "threads": [],
        "connections": 0,
        "warnings": [],
    }
    assert {name: told[name] for name in expected} == expected
    assert set(told["operations"]) == {"get", "post"}


def test_handler_takes_every_verb_and_nobody_reads_a_body(folder: Folder) -> None:
    told = folder.manifest("def handler(n: int = 1): ...\n")
    assert (told["verbs"], told["body"]) == ([], False)


def test_options_are_told_as_written(folder: Folder) -> None:
    told = folder.manifest(
        "from tapwater import options\n"
        "options(memory='1GB', instances=(0, 5), timeout=None)\n"
        "@options(egress=['a.b:443'])\ndef get(): ...\n"
    )
    assert told["options"] == {
        "memory": "1GB",
        "instances": [0, 5],
        "timeout": None,
        "egress": ["a.b:443"],
    }


def test_unknown_option_is_refused_with_a_hint(folder: Folder) -> None:
    with pytest.raises(LoadError, match=r"register.py:2: TypeError: .*did you mean memory=\?"):
        folder.load("from tapwater import options\noptions(memoy='1GB')\ndef get(): ...\n")


def test_reactive(folder: Folder) -> None:
    told = folder.manifest(
        "from tapwater import on\n@on.schedule('0 * * * *', tz='Europe/Berlin')\ndef tick(): ...\n",
        file="users/reactive/tick.py",
    )
    assert (told["kind"], told["style"]) == ("reactive", "event")
    assert told["triggers"] == [
        {"source": "schedule", "arguments": {"cron": "0 * * * *", "tz": "Europe/Berlin"}}
    ]


def test_asgi_and_wsgi_apps(folder: Folder) -> None:
    told = folder.manifest("async def app(scope, receive, send): ...\n")
    assert (told["style"], told["mount"], told["websocket"]) == ("asgi", True, True)
    told = folder.manifest(
        "class App:\n    async def __call__(self, scope, receive, send): ...\napp = App()\n"
    )
    assert told["style"] == "asgi"
    told = folder.manifest("def app(environ, start_response): ...\n")
    assert (told["style"], told["mount"], told["verbs"]) == ("wsgi", True, [])


def test_fastapi_is_an_app_whatever_its_functions_are_called(folder: Folder) -> None:
    told = folder.manifest(
        "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/x')\ndef get(): return 1\n"
    )
    assert told["style"] == "asgi"
    assert (told["verbs"], told["operations"], told["warnings"]) == ([], {}, [])


def test_path_parameters_come_from_the_file(folder: Folder) -> None:
    told = folder.manifest("def get(id: int): ...\n", file="users/restful/profile/[id].py")
    assert told["operations"]["get"]["parameters"][0]["in"] == "path"


@pytest.mark.parametrize(
    ("source", "file", "said"),
    [
        ("", "users/restful/a.py", r"users/restful/a.py defines no get\(\), post\(\), …, handler"),
        ("def got(): ...", "users/restful/b.py", "defines no get"),
        ("from json import loads as get", "users/restful/c.py", "defines no get"),
        ("x = 1\ndef get(:\n", "users/restful/d.py", r"d.py:2: SyntaxError: .*\n    def get\(:"),
        ("import nowhere", "users/restful/e.py", "e.py:1: ModuleNotFoundError"),
        ("raise SystemExit(3)", "users/restful/f.py", "f.py:1: SystemExit: 3"),
        ("def get(*x): ...", "users/restful/g.py", r"g.py:1: get\(\): \*x cannot be bound"),
        ("def websocket(ws): ...", "users/restful/h.py", "write async def websocket"),
        ("def tick(): ...", "users/reactive/i.py", "decorates no function with @on"),
        (
            "from tapwater import on\n"
            "@on.user_created\ndef f(): ...\n@on.message('a')\ndef g(): ...",
            "users/reactive/j.py",
            r"one file is one function, this decorates f\(\), g\(\)",
        ),
        ("from tapwater import options\noptions(concurrency=0)\ndef get(): ...", "k.py", "from 1"),
        (
            "from tapwater import before_snapshot\n@before_snapshot\ndef f(): 1 / 0\n"
            "def get(): ...",
            "l.py",
            "before_snapshot f failed: ZeroDivisionError",
        ),
    ],
)
def test_errors_name_file_and_line(folder: Folder, source: str, file: str, said: str) -> None:
    with pytest.raises(LoadError, match=said) as caught:
        folder.load(source, file=file)
    assert "loading.py" not in str(caught.value)


def test_missing_file_is_said(folder: Folder) -> None:
    with pytest.raises(LoadError, match="there is no Python file"):
        load_here({"code": str(folder.path), "module": "a.py"})


def test_imported_verbs_are_warned_about(folder: Folder) -> None:
    told = folder.manifest("from json import loads as get\ndef post(): ...\n")
    assert "get comes from json" in told["warnings"][0]


def test_threads_and_connections_are_counted(folder: Folder) -> None:
    source = (
        "import socket, threading\nstop = threading.Event()\n"
        "threading.Thread(target=stop.wait, name='poller', daemon=True).start()\n"
        "pair = socket.socketpair()\ndef get(): ...\n"
    )
    loaded = folder.load(source)
    assert loaded.manifest["threads"] == ["poller"]
    assert loaded.manifest["connections"] == 2
    loaded.module.stop.set()
    for sock in loaded.module.pair:
        sock.close()


def test_other_code_of_the_app_can_be_imported(folder: Folder) -> None:
    (folder.path / "lib").mkdir()
    (folder.path / "lib" / "words.py").write_text("WORD = 'w'\n")
    (folder.path / "users" / "restful").mkdir(parents=True)
    (folder.path / "users" / "restful" / "shared.py").write_text("OTHER = 'o'\n")
    loaded = folder.load(
        "from lib.words import WORD\nfrom .shared import OTHER\ndef get(): return WORD + OTHER\n"
    )
    assert loaded.program.handlers["GET"].function() == "wo"
