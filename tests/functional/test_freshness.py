"""What a zygote has rolled, no instance rolls again: on real forks, with and without threads."""

from pathlib import Path

import pytest

from tests.sandbox_kit import Talk, image, limits, linux_sandbox, write_code

ROLLS = (
    "import random, ssl, uuid\nrandom.seed(1)\nssl.RAND_bytes(8)\nuuid.uuid1()\n"
    "def get():\n    return [random.random(), ssl.RAND_bytes(16).hex(), str(uuid.uuid4())]\n"
)
THREAD = (
    "import threading, time\n"
    "threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\n"
)


@pytest.mark.parametrize(
    "text",
    [pytest.param(ROLLS, id="one thread"), pytest.param(THREAD + ROLLS, id="two threads")],
)
async def test_no_two_instances_roll_the_same(tmp_path: Path, text: str) -> None:
    seen: list[object] = []
    async with linux_sandbox(tmp_path) as sandbox:
        zygote = await sandbox.open(image(write_code(tmp_path, text)))
        for _ in range(3):
            talk = Talk(await zygote.fork(limits()))
            seen += (await talk.call()).value
            await talk.end()
    assert len(set(seen)) == 9
