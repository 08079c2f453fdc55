"""What the client of mail does, against the fake and against a real platform."""

from collections.abc import Iterator

import pytest

from tapwater.services.mail import Mail
from tapwater.services.transport import ServiceError, Transport
from tapwater.testing.fakes.mail import FakeMail
from tests.conformance.client_transport import shop_over_http


@pytest.fixture(params=["fake", pytest.param("platform", marks=pytest.mark.slow)], scope="module")
def transport(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Transport]:
    if request.param == "fake":
        yield FakeMail()
        return
    with shop_over_http(tmp_path_factory.mktemp("mail")) as over_http:
        yield over_http


@pytest.fixture
def mail(transport: Transport) -> Mail:
    return Mail(transport)


def test_what_was_sent_can_be_read(mail: Mail) -> None:
    id = mail.send(
        to="Ada <Ada@example.com>",
        subject="Hello",
        text="Hi ü",
        html="<b>Hi</b>",
        cc=["bob@example.com"],
        reply_to="help@example.com",
        attachments=[("a.txt", b"one"), ("b.bin", b"\x00", "application/x-thing")],
    )
    got = mail.get(id)
    assert (got["subject"], got["text"], got["html"]) == ("Hello", "Hi ü", "<b>Hi</b>")
    assert got["recipients"] == ["ada@example.com", "bob@example.com"]
    assert got["stage"] == "kept"
    assert [one["name"] for one in got["attachments"]] == ["a.txt", "b.bin"]
    assert [one["content_type"] for one in got["attachments"]] == [
        "text/plain",
        "application/x-thing",
    ]


def test_newest_first_and_in_pages(mail: Mail) -> None:
    ids = [mail.send(to="a@example.com", subject=f"n{n}", text="x") for n in range(3)]
    listed = [one["id"] for one in mail.list(limit=2)]
    assert listed == [ids[2], ids[1]]
    assert mail.list(limit=1, after=ids[1])[0]["id"] == ids[0]
    assert mail.list(stage="dead") == []


def test_one_key_is_one_mail(mail: Mail) -> None:
    first = mail.send(to="a@example.com", subject="x", text="y", key="order-7")
    assert mail.send(to="a@example.com", subject="x", text="y", key="order-7") == first


def test_what_cannot_be_sent_is_refused(mail: Mail) -> None:
    for to, subject in (("nobody", "x"), ("a@example.com\r\nBcc: b@example.com", "x"), ([], "x")):
        with pytest.raises(ServiceError) as error:
            mail.send(to=to, subject=subject, text="y")
        assert (error.value.code, error.value.status) == ("invalid", 400)
    with pytest.raises(ServiceError):
        mail.send(to="a@example.com", subject="two\nlines", text="y")


def test_dropping_and_trying_again(mail: Mail) -> None:
    id = mail.send(to="a@example.com", subject="x", text="y")
    with pytest.raises(ServiceError) as error:
        mail.retry(id)
    assert error.value.code == "conflict"
    mail.drop(id)
    for ask in (mail.get, mail.drop, mail.retry):
        with pytest.raises(ServiceError) as error:
            ask(id)
        assert error.value.code == "not_found"
