"""What is added to the image of a Lambda function, and to no other."""

from dataclasses import replace

from tapwater_server.assembly.furnishing import ENDPOINT, Furnished
from tapwater_server.model.function import FunctionLimits
from tapwater_server.ports.sandbox import Image
from tapwater_server.testing.guests import ScriptedSandbox, ScriptedZygote

OURS = Image(
    function="shop:handler",
    code="/code",
    layer="",
    python="python3",
    module="",
    limits=FunctionLimits(),
    environment={"MINE": "1", "AWS_ENDPOINT_URL": "http://mine"},
    revision="r1",
)
THEIRS = replace(OURS, foreign={"cloud": "aws", "runtime": "python3.12"})


class Watched(ScriptedSandbox):
    """Remembers what was opened, and asks meanwhile who is being opened."""

    def __init__(self) -> None:
        super().__init__(lambda guest, frame: None)
        self.images: list[Image] = []
        self.outer: Furnished | None = None
        self.meanwhile: list[bool] = []

    async def open(self, image: Image) -> ScriptedZygote:
        self.images.append(image)
        assert self.outer is not None
        self.meanwhile.append(self.outer.is_used("shop", "r1"))
        return await super().open(image)


async def opened(image: Image, *, lent: bool) -> tuple[Image, bool]:
    inner = Watched()
    inner.outer = furnished = Furnished(inner)
    if lent:
        furnished.lend = lambda _: {"AWS_ACCESS_KEY_ID": "ASIA", "MINE": "not this"}
    await furnished.open(image)
    assert not furnished.is_used("shop", "r1")
    return inner.images[0], inner.meanwhile[0]


async def test_our_own_functions_are_left_alone() -> None:
    assert await opened(OURS, lent=True) == (OURS, False)


async def test_a_lambda_function_gets_keys_and_a_door() -> None:
    """... but what the user set stays; and its keys hold while it is imported."""
    made, meanwhile = await opened(THEIRS, lent=True)
    assert meanwhile
    assert made.door == "aws"
    assert made.environment == {
        "AWS_ACCESS_KEY_ID": "ASIA",
        "MINE": "1",
        "AWS_ENDPOINT_URL": "http://mine",
    }
    assert made.windows["/var/runtime/boto3"].endswith("/boto3")
    assert made.windows["/var/runtime/six.py"].endswith("/six.py")
    bare, _ = await opened(replace(THEIRS, environment={}), lent=True)
    assert bare.environment["AWS_ENDPOINT_URL"] == ENDPOINT


async def test_without_the_room_of_aws_there_is_no_door() -> None:
    made, _ = await opened(THEIRS, lent=False)
    assert made.door == ""
    assert made.environment == THEIRS.environment


async def test_the_keys_of_a_call_hold_to_its_end_though_its_revision_is_gone() -> None:
    furnished = Furnished(Watched())
    assert not furnished.is_used("shop", "r1")
    furnished.runs = lambda revision: revision == "r1"
    assert furnished.is_used("shop", "r1")
    assert not furnished.is_used("shop", "r2")
