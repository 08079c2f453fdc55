"""A meter behind which there are no secrets."""

from tapwater_server.backends.memory.meter import MemoryMeter
from tapwater_server.backends.memory.secrets import MemorySecrets
from tapwater_server.model.ids import AppId
from tapwater_server.ports.meter import Asked, LogLine, Span
from tapwater_server.services.masking.known import KnownSecrets
from tapwater_server.services.masking.masked import Masked

SHOP = AppId("shop")


class Opened:
    def __init__(self) -> None:
        self.secrets, self.meter = MemorySecrets(), MemoryMeter()
        self.masked = Masked(self.meter, forms_of=KnownSecrets(self.secrets).of)

    async def said(self, text: str, app: str = "shop") -> str:
        self.masked.log(
            LogLine(
                at=1.0, app=app, function="f", invocation="", instance="", level="info", text=text
            )
        )
        return (await self.meter.lines(Asked()))[-1].text


async def test_a_secret_is_hidden_from_when_it_is_set() -> None:
    opened = Opened()
    assert await opened.said("hunter22") == "hunter22"
    await opened.secrets.put(SHOP, "PASS", "hunter22")
    assert await opened.said("it is hunter22") == "it is •••"
    assert await opened.said("hunter22", app="blog") == "hunter22"


async def test_a_value_that_was_replaced_is_still_hidden() -> None:
    opened = Opened()
    await opened.secrets.put(SHOP, "PASS", "hunter22")
    await opened.said("hunter22")
    await opened.secrets.put(SHOP, "PASS", "other-value")
    await opened.secrets.put(SHOP, "PASS", "third-value")
    assert await opened.said("hunter22 third-value") == "••• •••"


async def test_steps_are_masked_and_told() -> None:
    opened = Opened()
    await opened.secrets.put(SHOP, "PASS", "hunter22")
    heard: list[LogLine | Span] = []
    opened.masked.when_said(heard.append)
    opened.masked.span(
        Span(
            trace="t", id="s", parent="", name="put hunter22", kind="ask", at=1.0, took_ms=1.0,
            app="shop", facts={"token": "x", "what": "hunter22"},
        )
    )  # fmt: skip
    [span] = heard
    assert isinstance(span, Span)
    assert (span.name, span.facts) == ("put •••", {"token": "•••", "what": "•••"})
