"""Notifications of S3 on one node: a part in the relay of its event log."""

from tapwater_server.assembly.aws.ground import AwsGround, AwsPart
from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.s3_events.notifying import Notifying
from tapwater_server.model.ids import AppId


async def open_s3_events(ground: AwsGround) -> AwsPart:
    """Let the relay know who wants to hear of blobs."""

    def account_of(app: str) -> Account:
        return ground.keys.account_of(AppId(app))

    ground.node.listening.add(Notifying(facts=ground.node.stores.facts, accounts=account_of))
    return AwsPart(names=())
