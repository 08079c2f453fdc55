"""Which hosts another cloud's clients may mean: those of its shape, and the bare one."""

import pytest

from tapwater_server.backends.memory.registry import MemoryRegistry
from tapwater_server.backends.system.ids import SystemIds
from tapwater_server.gateway.directory import Directory, Owns
from tapwater_server.gateway.errors import Refusal
from tapwater_server.model.function import Alias, Revision
from tapwater_server.model.ids import AppId, RevisionId


async def directory(*apps: str, default: str = "", owns: Owns | None) -> Directory:
    registry = MemoryRegistry()
    for app in apps:
        revision = Revision(
            id=RevisionId(f"01{app}"),
            app=AppId(app),
            number=1,
            created_at=0.0,
            bundle="0" * 64,
            layer="",
            python="",
            functions=(),
        )
        live = Alias(app=AppId(app), name="live", weights={revision.id: 100})
        await registry.add_revision(revision, aliases=[live])
    if default:
        await registry.set_default_app(AppId(default))
    return Directory(
        registry=registry,
        ids=SystemIds(),
        public=lambda revision: None,
        domains=("localhost",),
        dashboard=("tapwater.localhost",),
        owns=owns,
    )


def shaped(name: str) -> bool:
    return name.startswith(("s3.", "aws.")) or ".s3." in name


@pytest.mark.parametrize(
    ("host", "app", "shared", "owned"),
    [
        (b"127.0.0.1:8080", "shop", True, False),
        (b"anything.example", "shop", True, False),
        (b"shop.localhost", "shop", False, False),
        (b"s3.localhost", "", True, True),
        (b"photos.s3.localhost:8080", "", True, True),
        (b"s3.us-east-1.amazonaws.com", "", True, True),
        (b"aws.localhost", "aws", True, False),  # An app's own name goes first.
        (b"tapwater.localhost", "", False, False),
    ],
)
async def test_whose_a_host_is(host: bytes, app: str, *, shared: bool, owned: bool) -> None:
    site = (await directory("shop", "aws", default="shop", owns=shaped)).site(host)
    assert (site.app, site.shared, site.owned) == (app, shared, owned)


async def test_without_another_cloud_nothing_is_shared() -> None:
    alone = await directory("shop", default="shop", owns=None)
    assert not alone.site(b"127.0.0.1").shared
    with pytest.raises(Refusal):
        alone.site(b"photos.s3.localhost")
