"""The API of mail: send, and see what became of it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tapwater_server.model.errors import Conflict, Invalid, NotFound
from tapwater_server.model.letter import Attachment, Draft, Letter, Stage
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.mail import Outbox
from tapwater_server.services.mail import inbox
from tapwater_server.services.mail.post import AppPost
from tapwater_server.services.mail.reading import opened, parse, part_of, shown
from tapwater_server.services.mail.shapes import Accepted, NewMail
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Answer, Endpoint, Who
from tapwater_server.web.places import leads_here

BODY_BYTES_MAX = 16 << 20  # Attachments travel as base 64.
PAGE_MAX = 500
_PAGE = 50
_LIST = {
    "stage": f"only these: {', '.join(stage.value for stage in Stage)}",
    "after": "the id the page before ended with",
    "limit": f"how many at most ({_PAGE}; up to {PAGE_MAX})",
}


class MailHttp:
    """What functions and holders of tokens ask; the inbox page only ``dev`` shows."""

    def __init__(self, *, post: AppPost, outbox: Outbox, clock: Clock, page: bool) -> None:
        self._post, self._outbox, self._clock = post, outbox, clock
        self._page = page

    async def send(self, asked: Asked) -> Any:
        body = await asked.body(NewMail, bytes_max=BODY_BYTES_MAX)
        draft = replace(_draft(body), trace=asked.trace)
        letter = await self._post.accept(asked.app, draft)
        asked.count("mails")
        return Answer(Accepted(id=letter.id, stage=letter.stage.value), 202)

    async def list(self, asked: Asked) -> Any:
        found = await self._listed(asked)
        return {"mails": [shown(letter) for letter in found]}

    async def show(self, asked: Asked) -> Any:
        return opened(await self._found(asked))

    async def raw(self, asked: Asked) -> Any:
        letter = await self._found(asked)
        return Answer(letter.raw, 200, {"content-disposition": "attachment; filename=mail.eml"})

    async def retry(self, asked: Asked) -> Any:
        letter = await self._found(asked)
        if not await self._outbox.revive(asked.app, letter.id, now=self._clock.now()):
            raise Conflict("only a mail that was given up can be sent again")
        return Answer(Accepted(id=letter.id, stage=Stage.WAITING.value), 202)

    async def drop(self, asked: Asked) -> None:
        if not await self._outbox.drop(asked.app, asked.params["id"]):
            raise NotFound("there is no such mail")

    async def inbox(self, asked: Asked) -> Any:
        self._only_in_dev(asked)
        return inbox.listed(asked.app, [shown(one) for one in await self._listed(asked)])

    async def inbox_mail(self, asked: Asked) -> Any:
        self._only_in_dev(asked)
        return inbox.one(opened(await self._found(asked)))

    async def inbox_html(self, asked: Asked) -> Any:
        self._only_in_dev(asked)
        return inbox.framed(part_of(parse(await self._found(asked)), "html"))

    def _only_in_dev(self, asked: Asked) -> None:
        """A browser sends no token with a page; so the page is only where nobody else comes: not
        even a site whose name was made to lead to this machine while its page is open.
        """
        if not self._page:
            raise NotFound("the inbox page is there in `tapwater dev` only: use `tapwater mail ls`")
        if not leads_here(asked.headers.get("host", "")):
            raise NotFound("the inbox page is there at localhost only")

    async def _listed(self, asked: Asked) -> Sequence[Letter]:
        said = asked.text("stage")
        if said is not None and said not in [stage.value for stage in Stage]:
            raise Invalid(f"stage is one of {', '.join(stage.value for stage in Stage)}")
        limit = int(asked.number("limit", low=1, high=PAGE_MAX) or _PAGE)
        return await self._outbox.list(
            asked.app,
            stage=Stage(said) if said else None,
            after=asked.text("after") or "",
            count_max=limit,
        )

    async def _found(self, asked: Asked) -> Letter:
        letter = await self._outbox.find(asked.app, asked.params["id"])
        if letter is None:
            raise NotFound("there is no such mail")
        return letter

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="POST",
                path="/mail",
                says="Send a mail; 202 means it is on disk and will be tried until it is taken.",
                handler=self.send,
                takes=NewMail,
                gives=Accepted,
                status=202,
                body_bytes_max=BODY_BYTES_MAX,
            ),
            Endpoint(
                method="GET",
                path="/mail",
                says="The app's mails, newest first.",
                handler=self.list,
                query=_LIST,
            ),
            Endpoint(
                method="GET",
                path="/mail/{id}",
                says="One mail: headers, texts, what became of it.",
                handler=self.show,
            ),
            Endpoint(
                method="GET",
                path="/mail/{id}/raw",
                says="One mail as it goes out.",
                handler=self.raw,
                media="message/rfc822",
            ),
            Endpoint(
                method="POST",
                path="/mail/{id}/retry",
                says="Send again what was given up.",
                handler=self.retry,
                gives=Accepted,
                status=202,
            ),
            Endpoint(
                method="DELETE",
                path="/mail/{id}",
                says="Forget a mail; one that waits is not sent.",
                handler=self.drop,
                status=204,
            ),
            *self._pages(),
        )

    def _pages(self) -> Sequence[Endpoint]:
        html = "text/html; charset=utf-8"
        return (
            Endpoint(
                method="GET",
                path="/mail/inbox",
                says="The mails as a page to look at (in dev only).",
                handler=self.inbox,
                who=Who.ANYONE,
                media=html,
            ),
            Endpoint(
                method="GET",
                path="/mail/inbox/{id}",
                says="One mail as a page (in dev only).",
                handler=self.inbox_mail,
                who=Who.ANYONE,
                media=html,
            ),
            Endpoint(
                method="GET",
                path="/mail/inbox/{id}/html",
                says="The HTML of one mail, in a box (in dev only).",
                handler=self.inbox_html,
                who=Who.ANYONE,
                media=html,
            ),
        )


def _draft(body: NewMail) -> Draft:
    return Draft(
        to=(body.to,) if isinstance(body.to, str) else tuple(body.to),
        subject=body.subject,
        text=body.text,
        html=body.html,
        sender=body.sender,
        cc=tuple(body.cc),
        bcc=tuple(body.bcc),
        reply_to=body.reply_to,
        attachments=tuple(
            Attachment(name=one.name, content_type=one.content_type, data=one.data)
            for one in body.attachments
        ),
        key=body.key,
    )
