"""The front of AWS on one node: its keys, and what leads to its services."""

from collections.abc import Sequence

from tapwater_server.assembly.aws.asking import s3_wishes
from tapwater_server.assembly.parts.ground import Ground
from tapwater_server.backends.files.key_file import ensure_key
from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.front.checking import Checker
from tapwater_server.clouds.aws.front.counting import Counting
from tapwater_server.clouds.aws.front.entering import Entrance
from tapwater_server.clouds.aws.front.front import Directory, Front
from tapwater_server.clouds.aws.front.homes import Homes
from tapwater_server.clouds.aws.front.http import AwsFacts, KeysApi
from tapwater_server.clouds.aws.front.keys import Keys, Pair
from tapwater_server.clouds.aws.front.permits import Permits
from tapwater_server.gateway.settings import GatewaySettings
from tapwater_server.model.ids import AppId, RevisionId
from tapwater_server.web.endpoint import Endpoint

_BUCKET = "s3/bucket"


def open_keys(ground: Ground) -> Keys:
    """Give the keys of all accounts."""
    settings, registry = ground.settings, ground.stores.registry
    fixed = None
    if settings.aws_access_key:
        fixed = Pair(access_key=settings.aws_access_key, secret=settings.aws_secret_key)
    return Keys(
        facts=ground.stores.facts,
        ids=ground.ids,
        node_key=ensure_key(settings.data / "aws-key"),
        account=Account(
            id=settings.aws_account_id, home=AppId(settings.aws_home), region=settings.aws_region
        ),
        fixed=fixed,
        any_key=settings.dev,
        lives=lambda app, revision: (
            registry.revision(app, RevisionId(revision)) is not None
            or ground.furnished.is_opening(app, revision)
        ),
    )


def open_api(ground: Ground, keys: Keys) -> Sequence[Endpoint]:
    """Give what `tapwater aws` asks."""
    facts = AwsFacts(domain=ground.settings.aws_domain, any_key=ground.settings.dev)
    return KeysApi(keys=keys, facts=facts, clock=ground.clock).endpoints()


def open_permits(ground: Ground) -> Permits:
    """Give what asks policies."""
    permits = Permits(clock=ground.clock, functions_too=ground.settings.aws_roles)
    permits.add("s3", s3_wishes)
    return permits


def open_front(ground: Ground, keys: Keys, permits: Permits, directory: Directory) -> Front:
    """Give what answers AWS's clients on our port."""
    domains, own = GatewaySettings().domains, ground.settings.aws_domain
    facts = ground.stores.facts
    return Front(
        directory=directory,
        entrance=Entrance(
            checker=Checker(credentials=keys, clock=ground.clock),
            credentials=keys,
            homes=Homes(registry=ground.stores.registry, releases=ground.releases),
        ),
        permits=permits,
        counting=Counting(meter=ground.stores.masked, tracer=ground.tracer, clock=ground.clock),
        ids=ground.ids,
        domains=(*domains, own) if own else domains,
        holds=lambda name: facts.get(keys.account.space, _BUCKET, name) is not None,
    )
