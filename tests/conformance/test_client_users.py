"""What the client of users does, against the fake and against a real platform."""

from collections.abc import Iterator
from itertools import count

import pytest

from tapwater.services.transport import ServiceError, Transport
from tapwater.services.users import Users
from tapwater.testing.fakes.users import FakeUsers
from tests.conformance.client_transport import shop_over_http

_NUMBERS = count(1)
PASSWORD = "correct horse battery"


@pytest.fixture(params=["fake", pytest.param("platform", marks=pytest.mark.slow)], scope="module")
def transport(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Transport]:
    if request.param == "fake":
        yield FakeUsers()
        return
    with shop_over_http(tmp_path_factory.mktemp("users")) as over_http:
        yield over_http


@pytest.fixture
def users(transport: Transport) -> Users:
    return Users(transport)


@pytest.fixture
def email() -> str:
    return f"u{next(_NUMBERS)}@example.com"


def refused(error: pytest.ExceptionInfo[ServiceError]) -> tuple[str, int]:
    return error.value.code, error.value.status


def test_making_finding_changing_removing(users: Users, email: str) -> None:
    made = users.create(email.upper(), roles=["b", "a", "b"], claims={"plan": "pro"})
    assert (made.email, made.roles, made.email_verified) == (email, ("a", "b"), True)
    assert users.get(made.id) == users.get(email) == made
    changed = users.change(made.id, roles=["admin"], profile={"name": "Ada"})
    assert (changed.roles, changed.profile, changed.claims) == (
        ("admin",),
        {"name": "Ada"},
        {"plan": "pro"},
    )
    users.remove(made.id)
    for ask in (users.get, users.remove, users.disable, users.end_sessions):
        with pytest.raises(ServiceError) as error:
            ask(made.id)
        assert refused(error) == ("not_found", 404)


def test_what_is_taken_or_wrong_is_refused(users: Users, email: str) -> None:
    users.create(email)
    with pytest.raises(ServiceError) as error:
        users.create(email)
    assert refused(error) == ("conflict", 409)
    for wrong in ({"email": "nobody"}, {"email": f"x{email}", "roles": ["No Role"]}):
        with pytest.raises(ServiceError) as error:
            users.create(**wrong)
        assert refused(error) == ("invalid", 400)


def test_lists_and_pages(users: Users, email: str) -> None:
    before = len(list(users.all()))
    made = [users.create(f"{n}-{email}", roles=[f"r-{email[:2]}"]) for n in range(3)]
    assert len(list(users.all())) == before + 3
    assert [one.id for one in users.list(role=f"r-{email[:2]}", limit=2)] == [
        one.id for one in made[:2]
    ]
    assert [one.email for one in users.list(email=f"1-{email}")] == [f"1-{email}"]
    users.disable(made[0].id)
    assert made[0].id in [one.id for one in users.list(disabled=True)]


def test_bringing_many_in(users: Users, email: str) -> None:
    said = users.bring_in([{"email": email}, {"email": email}, {"email": "nobody"}])
    assert [one["result"] for one in said] == ["created", "there", "refused"]


def test_signing_up_in_and_refreshing(users: Users, email: str) -> None:
    up = users.sign_up(email, PASSWORD, profile={"name": "Ada"})
    assert up is not None
    assert (up.user.email, up.user.profile) == (email, {"name": "Ada"})
    first = users.sign_in(email, PASSWORD)
    second = users.refresh(first.refresh_token)
    assert second.user.id == up.user.id
    users.refresh(second.refresh_token)
    with pytest.raises(ServiceError) as error:
        users.refresh(first.refresh_token)
    assert refused(error) == ("unauthenticated", 401)
    with pytest.raises(ServiceError) as error:
        users.sign_in(email, "something else")
    assert refused(error) == ("unauthenticated", 401)
    with pytest.raises(ServiceError) as error:
        users.sign_up(email, "short")
    assert refused(error) == ("invalid", 400)
    users.ask_reset(email)
    users.ask_reset(f"not-{email}")
    for ask in (users.confirm, lambda code: users.reset(code, PASSWORD)):
        with pytest.raises(ServiceError) as error:
            ask("no such code")
        assert refused(error) == ("invalid", 400)


def test_keys_for_programs(users: Users, email: str) -> None:
    key = users.add_key("nightly", roles=["importer"])
    assert key.key.startswith("tapk_")
    assert "tapk_" not in repr(key)
    listed = {one.id: one for one in users.list_keys()}
    assert (listed[key.id].key, listed[key.id].roles) == ("", ("importer",))
    owner = users.create(email)
    own = users.add_key("script", user=owner.id)
    assert [one.id for one in users.list_keys(user=owner.id)] == [own.id]
    users.remove_key(key.id)
    with pytest.raises(ServiceError) as error:
        users.remove_key(key.id)
    assert refused(error) == ("not_found", 404)
    users.remove(owner.id)
    assert own.id not in [one.id for one in users.list_keys()]
