"""The front of AWS on one node: its keys, and what leads to its services."""

import logging
from collections.abc import Mapping, Sequence

from tapwater_server.assembly.aws.asking import s3_wishes
from tapwater_server.assembly.parts.ground import Ground
from tapwater_server.backends.files.key_file import ensure_key
from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import Hasty
from tapwater_server.clouds.aws.front.checking import Checker
from tapwater_server.clouds.aws.front.counting import Counting
from tapwater_server.clouds.aws.front.entering import Entrance
from tapwater_server.clouds.aws.front.front import Directory, Front
from tapwater_server.clouds.aws.front.hastening import Hastening
from tapwater_server.clouds.aws.front.homes import Homes
from tapwater_server.clouds.aws.front.http import AwsFacts, KeysApi
from tapwater_server.clouds.aws.front.keys import Keys, Pair
from tapwater_server.clouds.aws.front.permits import Permits
from tapwater_server.gateway.settings import GatewaySettings
from tapwater_server.model.ids import AppId, RevisionId
from tapwater_server.web.endpoint import Endpoint

_log = logging.getLogger(__name__)
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
            or ground.furnished.is_used(app, revision)
        ),
    )


def open_api(ground: Ground, keys: Keys) -> Sequence[Endpoint]:
    """Give what `tapwater aws` asks."""
    facts = AwsFacts(domain=ground.settings.aws_domain, any_key=ground.settings.dev)
    return KeysApi(keys=keys, facts=facts, clock=ground.clock).endpoints()


def open_permits(ground: Ground) -> Permits:
    """Give what asks policies."""
    settings = ground.settings
    if not settings.aws_roles:
        _log.warning("aws_roles is off: the roles of Lambda functions are not enforced")
    permits = Permits(
        clock=ground.clock, region=settings.aws_region, functions_too=settings.aws_roles
    )
    permits.add("s3", s3_wishes)
    return permits


def open_front(
    ground: Ground,
    keys: Keys,
    permits: Permits,
    directory: Directory,
    hasty: Mapping[str, Hasty],
) -> Front:
    """Give what answers AWS's clients on our port."""
    own, facts = ground.settings.aws_domain, ground.stores.facts
    domains = (*GatewaySettings().domains, *((own,) if own else ()))
    checker = Checker(credentials=keys, clock=ground.clock)
    homes = Homes(registry=ground.stores.registry, releases=ground.releases)
    counting = Counting(meter=ground.stores.masked, tracer=ground.tracer, clock=ground.clock)
    entrance = Entrance(checker=checker, credentials=keys, homes=homes)
    hastening = Hastening(
        checker=checker,
        credentials=keys,
        entrance=entrance,
        homes=homes,
        permits=permits,
        counting=counting,
        ids=ground.ids,
        domains=domains,
    )
    for name, one in hasty.items():
        hastening.add(name, one, directory.services[name])
    return Front(
        directory=directory,
        entrance=entrance,
        permits=permits,
        counting=counting,
        hastening=hastening,
        ids=ground.ids,
        domains=domains,
        holds=lambda name: facts.get(keys.account.space, _BUCKET, name) is not None,
    )
