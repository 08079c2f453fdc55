"""Repositories: names that are kept, and hold no image."""

import pytest

from tapwater_server.backends.memory.facts import MemoryFacts
from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.ecr.repositories import Repositories
from tapwater_server.model.ids import AppId
from tapwater_server.testing.clock import ManualClock

ACCOUNT = Account(id="000000000000", home=AppId("aws"))


async def test_a_name_is_kept_until_it_is_removed() -> None:
    repositories = Repositories(facts=MemoryFacts(), clock=ManualClock())
    await repositories.create(ACCOUNT, "a/b", {"tags": {}})
    with pytest.raises(AwsError, match="already exists"):
        await repositories.create(ACCOUNT, "a/b", {})
    await repositories.change(ACCOUNT, "a/b", policy="{}", tags=None)
    assert repositories.find(ACCOUNT, "a/b").value.keys() == {"created", "policy"}
    assert (await repositories.remove(ACCOUNT, "a/b")).key == "a/b"
    with pytest.raises(AwsError) as caught:  # The Serverless Framework asks for it by its code.
        repositories.find(ACCOUNT, "a/b")
    assert caught.value.code == "RepositoryNotFoundException"
