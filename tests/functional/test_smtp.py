"""Mail through a real receiver: what arrives, what is tried again, what is given up."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from tapwater_server.backends.memory.outbox import MemoryOutbox
from tapwater_server.backends.memory.secrets import MemorySecrets
from tapwater_server.backends.smtp import carrier as carrier_module
from tapwater_server.backends.smtp.carrier import SmtpCarrier
from tapwater_server.backends.system.ids import SystemIds
from tapwater_server.model.errors import Invalid, RateLimited
from tapwater_server.model.ids import AppId
from tapwater_server.model.letter import Draft, Stage
from tapwater_server.ports.mail_server import read_server
from tapwater_server.ports.tracing import Tracer, unseen
from tapwater_server.services.mail.post import BURST, AppPost, MailSettings, Ways
from tapwater_server.services.mail.sending import ATTEMPTS_MAX, Sender
from tapwater_server.testing.clock import ManualClock
from tests.functional.certificates import make_certificate
from tests.functional.smtp import Receiver

SHOP = AppId("shop")
HELLO = Draft(to=("Ada <ada@example.com>",), subject="Hello", text="Hi", bcc=("b@example.com",))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


class Opened:
    """The service of mail with a node-wide server."""

    def __init__(self, url: str, *, context: ssl.SSLContext | None = None) -> None:
        self.clock, ids = ManualClock(), SystemIds()
        self.outbox, self.secrets = MemoryOutbox(), MemorySecrets()
        server = read_server(url, own_network=True) if url else None
        ways = Ways(
            secrets=self.secrets, settings=MailSettings(server=server, sender="shop@example.com")
        )
        self.carrier = SmtpCarrier(context=context)
        self.post = AppPost(outbox=self.outbox, ways=ways, clock=self.clock, ids=ids)
        self.sender = Sender(
            outbox=self.outbox,
            ways=ways,
            carrier=self.carrier,
            clock=self.clock,
            ids=ids,
            tracer=Tracer(spans=unseen, clock=self.clock, ids=ids),
        )

    async def stage(self, id: str) -> tuple[Stage, int, str]:
        letter = await self.outbox.find(SHOP, id)
        assert letter is not None
        return letter.stage, letter.attempt, letter.reason


@pytest.fixture
async def mail(receiver: Receiver) -> AsyncIterator[Opened]:
    opened = Opened(receiver.url)
    yield opened
    opened.carrier.close()


async def test_a_letter_arrives_once(mail: Opened, receiver: Receiver) -> None:
    id = await mail.post.send(SHOP, HELLO)
    assert await mail.sender.step() == 1
    assert await mail.stage(id) == (Stage.SENT, 1, "")
    [envelope] = receiver.envelopes
    assert envelope.mail_from == "shop@example.com"
    assert envelope.rcpt_tos == ["ada@example.com", "b@example.com"]
    assert isinstance(envelope.content, bytes)
    assert b"Subject: Hello" in envelope.content
    assert b"b@example.com" not in envelope.content
    assert await mail.sender.step() == 0


async def test_one_key_is_one_letter(mail: Opened, receiver: Receiver) -> None:
    draft = Draft(to=("a@example.com",), subject="x", text="y", key="order-7")
    first, second = await mail.post.send(SHOP, draft), await mail.post.send(SHOP, draft)
    assert first == second
    await mail.sender.step()
    assert len(receiver.envelopes) == 1


async def test_busy_is_tried_again_and_at_last_given_up(mail: Opened, receiver: Receiver) -> None:
    receiver.says = "451 try later"
    id = await mail.post.send(SHOP, HELLO)
    for attempt in range(1, ATTEMPTS_MAX):
        assert await mail.sender.step() == 1
        assert await mail.stage(id) == (Stage.WAITING, attempt, "451 try later")
        assert await mail.sender.step() == 0
        due = await mail.outbox.next_due()
        assert due is not None
        await mail.clock.advance(due - mail.clock.now() + 0.1)
    assert await mail.sender.step() == 1
    assert (await mail.stage(id))[0] is Stage.DEAD
    receiver.says = "250 OK"
    assert await mail.outbox.revive(SHOP, id, now=mail.clock.now())
    await mail.sender.step()
    assert (await mail.stage(id))[0] is Stage.SENT


async def test_a_final_no_is_final(mail: Opened, receiver: Receiver) -> None:
    receiver.says = "550 no such user"
    id = await mail.post.send(SHOP, HELLO)
    await mail.sender.step()
    assert await mail.stage(id) == (Stage.DEAD, 1, "550 no such user")


async def test_nobody_listens() -> None:
    mail = Opened("smtp+plain://127.0.0.1:9")
    id = await mail.post.send(SHOP, HELLO)
    await mail.sender.step()
    stage, _, reason = await mail.stage(id)
    assert (stage, reason.startswith("127.0.0.1: ")) == (Stage.WAITING, True)
    mail.carrier.close()


async def test_without_starttls_nothing_is_said(receiver: Receiver) -> None:
    mail = Opened(f"smtp://user:secret@127.0.0.1:{receiver.port}")
    id = await mail.post.send(SHOP, HELLO)
    await mail.sender.step()
    stage, _, reason = await mail.stage(id)
    assert (stage, "STARTTLS" in reason) == (Stage.WAITING, True)
    assert "secret" not in reason
    assert receiver.envelopes == []
    mail.carrier.close()


@pytest.fixture
def trusted(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    cert, key = make_certificate(tmp_path)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(cert, key)
    return server, ssl.create_default_context(cafile=cert)


def _login(server: SMTP, session: object, envelope: object, way: str, data: object) -> AuthResult:
    fine = isinstance(data, LoginPassword) and (data.login, data.password) == (b"u", b"p@ss")
    return AuthResult(success=fine, handled=False)


async def test_starttls_and_a_password(trusted: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    with Receiver(
        tls_context=trusted[0], require_starttls=True, authenticator=_login, auth_required=True
    ) as receiver:
        at = f"localhost:{receiver.port}"
        fine = Opened(f"smtp://u:p%40ss@{at}", context=trusted[1])
        wrong = Opened(f"smtp://u:nope@{at}", context=trusted[1])
        strange = Opened(f"smtp://u:p%40ss@{at}")  # Trusts other authorities.
        for mail, stage in ((fine, Stage.SENT), (wrong, Stage.WAITING), (strange, Stage.WAITING)):
            id = await mail.post.send(SHOP, HELLO)
            await mail.sender.step()
            assert (await mail.stage(id))[0] is stage, await mail.stage(id)
            mail.carrier.close()
    assert len(receiver.envelopes) == 1


async def test_tls_from_the_first_byte(trusted: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    with Receiver(tls=trusted[0]) as receiver:
        assert receiver.url.startswith("smtps://localhost:")
        fine = Opened(receiver.url, context=trusted[1])
        strange = Opened(receiver.url)  # Trusts other authorities.
        other = Opened(receiver.url.replace("localhost", "localhost.localdomain"))
        for mail, stage in ((fine, Stage.SENT), (strange, Stage.WAITING), (other, Stage.WAITING)):
            id = await mail.post.send(SHOP, HELLO)
            await mail.sender.step()
            assert (await mail.stage(id))[0] is stage, await mail.stage(id)
            mail.carrier.close()
    assert len(receiver.envelopes) == 1


async def test_an_app_with_a_server_of_its_own(mail: Opened, receiver: Receiver) -> None:
    draft = Draft(to=("a@example.com",), subject="x", text="y", sender="me@shop.example")
    with pytest.raises(Invalid, match=r"as shop@example\.com"):
        await mail.post.send(SHOP, draft)
    await mail.secrets.put(SHOP, "SMTP_URL", receiver.url)
    id = await mail.post.send(SHOP, draft)
    await mail.sender.step()
    stage, _, reason = await mail.stage(id)
    # An app does not reach into the node's network through us.
    assert (stage, "own network" in reason, receiver.envelopes) == (Stage.DEAD, True, [])
    await mail.secrets.put(SHOP, "SMTP_URL", "nonsense")
    with pytest.raises(Invalid, match="the address of a mail server"):
        await mail.post.send(SHOP, HELLO)


async def test_without_a_server_it_is_kept() -> None:
    mail = Opened("")
    id = await mail.post.send(SHOP, HELLO)
    assert await mail.sender.step() == 0
    assert (await mail.stage(id))[0] is Stage.KEPT
    mail.carrier.close()


async def test_an_app_that_sends_too_much_is_slowed_down() -> None:
    mail = Opened("")
    for _ in range(BURST):
        await mail.post.send(SHOP, HELLO)
    with pytest.raises(RateLimited) as error:
        await mail.post.send(SHOP, HELLO)
    assert error.value.retry_after_s > 0
    await mail.post.send(AppId("other"), HELLO)
    mail.carrier.close()


async def test_the_loop_wakes_for_a_new_letter(mail: Opened, receiver: Receiver) -> None:
    running = asyncio.create_task(mail.sender.run())
    try:
        for _ in range(3):
            await mail.post.send(SHOP, HELLO)
            assert (await receiver.next_mail_soon())["subject"] == "Hello"
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _dribble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that begins to answer, and never comes to an end."""
    writer.write(b"220-wait")
    with suppress(OSError):
        await writer.drain()
        await reader.read()
    writer.close()


async def test_a_server_that_never_answers_costs_a_bounded_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = await asyncio.start_server(_dribble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    mail = Opened(f"smtp+plain://127.0.0.1:{port}")
    monkeypatch.setattr(carrier_module, "LETTER_S_MAX", 0.2)
    id = await mail.post.send(SHOP, HELLO)
    async with asyncio.timeout(10):
        assert await mail.sender.step() == 1
        stage, attempt, reason = await mail.stage(id)
        assert (stage, attempt, "longer than 0.2 s" in reason) == (Stage.WAITING, 1, True)
        monkeypatch.setattr(carrier_module, "LETTER_S_MAX", 3600.0)
        await mail.post.send(SHOP, HELLO)
        await mail.clock.advance(3600.0)
        stuck = asyncio.create_task(mail.sender.step())
        await asyncio.wait([stuck], timeout=0.1)
        await asyncio.to_thread(mail.carrier.close)  # Stopping does not wait for it.
        await asyncio.gather(stuck, return_exceptions=True)
    server.close()
