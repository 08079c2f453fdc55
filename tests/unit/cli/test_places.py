"""Which server, which token: and that a token goes to its own server only."""

import json
import os
from pathlib import Path

import pytest
from rich.console import Console

from tapwater_server.cli.failures import CommandFailed
from tapwater_server.cli.places import (
    DEFAULT_URL,
    dev_data,
    forget_serving,
    read_logins,
    read_serving,
    tidy_url,
    write_logins,
    write_serving,
)
from tapwater_server.cli.session import Given, Session

HERE = "http://127.0.0.1:8081"
THERE = "https://tapwater.example.org"


def session(tmp_path: Path, **given: object) -> Session:
    return Session(
        given=Given(**given),  # type: ignore[arg-type]
        folder=tmp_path,
        config=tmp_path / "config",
        out=Console(),
        err=Console(stderr=True),
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "admin-token").write_text("ours\n")
    (folder / "admin-token").chmod(0o600)
    return folder


def token(of: Session) -> str | None:
    found = of.token()
    return found.text if found else None


def test_what_is_given_comes_first(tmp_path: Path, data: Path) -> None:
    given = session(tmp_path, url=f"{THERE}/", token="given", data=data)
    assert (given.url(), token(given)) == (THERE, "given")


def test_the_token_of_a_directory_is_for_its_own_platform(tmp_path: Path, data: Path) -> None:
    assert token(session(tmp_path, url=HERE, data=data)) == "ours"
    assert token(session(tmp_path, url=THERE, data=data)) is None
    write_serving(data, THERE)
    assert token(session(tmp_path, url=THERE, data=data)) == "ours"
    assert token(session(tmp_path, url="https://other.example.org", data=data)) is None


def test_what_login_stored_is_for_one_server(tmp_path: Path) -> None:
    write_logins(tmp_path / "config", {THERE: "stored"})
    empty = tmp_path / "empty"
    assert token(session(tmp_path, url=THERE, data=empty)) == "stored"
    assert token(session(tmp_path, url="https://other.example.org", data=empty)) is None


def test_a_running_server_says_where_it_is(tmp_path: Path, data: Path) -> None:
    assert session(tmp_path, data=data).url() == DEFAULT_URL
    write_serving(data, HERE)
    assert session(tmp_path, data=data).url() == HERE
    forget_serving(data)
    assert session(tmp_path, data=data).url() == DEFAULT_URL


def test_a_server_that_died_says_nothing(tmp_path: Path, data: Path) -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    (data / "serving.json").write_text(json.dumps({"url": HERE, "pid": child}))
    assert read_serving(data) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"url": 1}', '{"url": "x", "pid": "y"}', "\xff"])
def test_a_word_that_cannot_be_read_is_none(data: Path, text: str) -> None:
    (data / "serving.json").write_text(text)
    assert read_serving(data) is None


def test_dev_is_found_from_inside_its_project(tmp_path: Path) -> None:
    inner = tmp_path / "app" / "users" / "restful"
    inner.mkdir(parents=True)
    own = tmp_path / "app" / ".tapwater"
    own.mkdir()
    assert dev_data(inner) is None
    write_serving(own, HERE)
    assert dev_data(inner) == own
    write_serving(own, THERE)
    assert dev_data(inner) is None, "a folder from elsewhere must not send us elsewhere"


def test_logins_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    file = write_logins(tmp_path / "config", {THERE: "a"})
    file.chmod(0o644)
    write_logins(tmp_path / "config", {**read_logins(tmp_path / "config"), HERE: "b"})
    assert file.stat().st_mode & 0o777 == 0o600
    assert read_logins(tmp_path / "config") == {THERE: "a", HERE: "b"}


def test_broken_logins_say_what_to_do(tmp_path: Path) -> None:
    file = write_logins(tmp_path / "config", {})
    file.write_text("{")
    with pytest.raises(CommandFailed) as caught:
        read_logins(tmp_path / "config")
    assert "log in again" in caught.value.hint


@pytest.mark.parametrize("text", ["ftp://x", "http://", "http://x:99999", "http://[::1"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(CommandFailed):
        tidy_url(text)
