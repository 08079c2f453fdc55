"""From a draft to a message: what is written, and what is refused."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest

from tapwater_server.model.errors import Invalid, TooLarge
from tapwater_server.model.letter import Attachment, Draft
from tapwater_server.services.mail.composing import compose, read_mailbox, recipients_of

SENDER = read_mailbox("Shop <shop@example.com>")


def draft(**changes: object) -> Draft:
    values = {"to": ("Ada <ada@example.com>",), "subject": "Hello", "text": "Hi", **changes}
    return Draft(**values)  # type: ignore[arg-type]


def written(one: Draft) -> EmailMessage:
    raw = compose(one, id="01ABC", sender=SENDER, at=1_000_000_000.0)
    message = message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def test_a_message_has_what_servers_want() -> None:
    message = written(draft(cc=("bob@example.com",), reply_to="Help <help@example.com>"))
    assert dict(message.items()) | {"Message-ID": message["Message-ID"]} == {
        **dict(message.items()),
        "Message-ID": "<01abc@example.com>",
        "Date": "Sun, 09 Sep 2001 01:46:40 +0000",
        "From": "Shop <shop@example.com>",
        "To": "Ada <ada@example.com>",
        "Cc": "bob@example.com",
        "Reply-To": "Help <help@example.com>",
        "Subject": "Hello",
    }


def test_hidden_recipients_stay_hidden() -> None:
    one = draft(bcc=("eve@example.com",), cc=("ADA@example.com",))
    assert recipients_of(one) == ("ada@example.com", "eve@example.com")
    assert "eve" not in written(one).as_string()


def test_text_html_and_files() -> None:
    file = Attachment(name="bill ü.pdf", content_type="application/pdf", data=b"%PDF\x00\xff")
    message = written(draft(text="größe\n", html="<b>größe</b>", attachments=(file,)))
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().strip() == "größe"
    assert html.get_content().strip() == "<b>größe</b>"
    [part] = message.iter_attachments()
    assert (part.get_filename(), part.get_content()) == ("bill ü.pdf", b"%PDF\x00\xff")


@pytest.mark.parametrize(
    "changes",
    [
        {"to": ()},
        {"to": ("nobody",)},
        {"to": ("a@example.com\r\nBcc: x@example.com",)},
        {"to": ("A\nBcc: x@example.com <a@example.com>",)},
        {"to": ("a@example.com, b@example.com",)},
        {"to": ("ä@example.com",)},
        {"to": tuple(f"a{n}@example.com" for n in range(51))},
        {"subject": "x\r\nBcc: x@example.com"},
        {"subject": "x\ny"},
        {"subject": "x" * 501},
        {"reply_to": "a@example.com\nX: y"},
        {"text": "a\0b"},
        {"attachments": (Attachment(name="a\r\nX: y", content_type="text/plain", data=b""),)},
        {"attachments": (Attachment(name="../a", content_type="text/plain", data=b""),)},
        {"attachments": (Attachment(name="a", content_type="text/plain\r\nX: y", data=b""),)},
        {"attachments": (Attachment(name="a", content_type="multipart/mixed", data=b""),)},
        {"attachments": (Attachment(name="a", content_type="pdf", data=b""),)},
    ],
)
def test_what_cannot_be_sent_is_refused(changes: dict[str, object]) -> None:
    one = draft(**changes)
    with pytest.raises(Invalid):
        (recipients_of(one), compose(one, id="1", sender=SENDER, at=0.0))


def test_too_much_is_refused() -> None:
    big = Attachment(name="a", content_type="text/plain", data=b"x" * ((10 << 20) + 1))
    for one in (draft(text="x" * ((1 << 20) + 1)), draft(attachments=(big,))):
        with pytest.raises(TooLarge):
            compose(one, id="1", sender=SENDER, at=0.0)
