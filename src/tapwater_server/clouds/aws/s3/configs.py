"""Configurations of buckets that are kept as they are sent, after a look at them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from tapwater_server.clouds.aws.asked import AwsAnswer
from tapwater_server.clouds.aws.s3.call import Call, done, xml
from tapwater_server.clouds.aws.s3.config_checks import (
    check_accelerate,
    check_cors,
    check_encryption,
    check_logging,
    check_many,
    check_notification,
    check_payment,
    check_replication,
    check_website,
)
from tapwater_server.clouds.aws.s3.errors import refuse
from tapwater_server.clouds.aws.s3.markup import inside, kept, read, tag, yes
from tapwater_server.clouds.aws.s3.stores import Means

Handler = Callable[[Call], Awaitable[AwsAnswer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of configuration: its root, what is answered where there is none."""

    root: str
    check: Callable[[Element], None]
    missing: str = ""  # an error; else ``empty`` is shown
    empty: str = ""
    deleted: int = 204


KINDS: Mapping[str, Kind] = {
    "accelerate": Kind(root="AccelerateConfiguration", check=check_accelerate),
    "cors": Kind(root="CORSConfiguration", check=check_cors, missing="NoSuchCORSConfiguration"),
    "encryption": Kind(
        root="ServerSideEncryptionConfiguration",
        check=check_encryption,
        missing="ServerSideEncryptionConfigurationNotFoundError",
    ),
    "logging": Kind(root="BucketLoggingStatus", check=check_logging),
    "notification": Kind(root="NotificationConfiguration", check=check_notification),
    "replication": Kind(
        root="ReplicationConfiguration",
        check=check_replication,
        missing="ReplicationConfigurationNotFoundError",
    ),
    "request-payment": Kind(
        root="RequestPaymentConfiguration",
        check=check_payment,
        empty=tag("Payer", "BucketOwner"),
    ),
    "website": Kind(
        root="WebsiteConfiguration", check=check_website, missing="NoSuchWebsiteConfiguration"
    ),
}
MANY: Mapping[str, tuple[str, str]] = {
    "analytics": ("AnalyticsConfiguration", "ListBucketAnalyticsConfigurationResult"),
    "intelligent-tiering": (
        "IntelligentTieringConfiguration",
        "ListBucketIntelligentTieringConfigurationsOutput",
    ),
    "inventory": ("InventoryConfiguration", "ListInventoryConfigurationsResult"),
    "metrics": ("MetricsConfiguration", "ListMetricsConfigurationsResult"),
}


class Configs:
    """Keeps and shows them."""

    def __init__(self, means: Means) -> None:
        self._means = means

    def get(self, kind: str) -> Handler:
        known = KINDS[kind]

        async def answer(call: Call) -> AwsAnswer:
            await self._owned(call)
            text = self._means.places.config(call.account, kind, call.bucket)
            if text is None and known.missing:
                raise refuse(known.missing, BucketName=call.bucket)
            return xml(known.root, known.empty if text is None else inside(read(text.encode())))

        return answer

    def put(self, kind: str) -> Handler:
        known = KINDS[kind]

        async def answer(call: Call) -> AwsAnswer:
            await self._owned(call)
            root = await call.markup(known.root)
            known.check(root)
            text = kept(root) if len(root) else None
            if kind == "notification" and text is not None:
                await self._announce(call, text)
            await self._means.places.set_config(call.account, kind, call.bucket, text)
            return done(200)

        return answer

    def delete(self, kind: str) -> Handler:
        async def answer(call: Call) -> AwsAnswer:
            await self._owned(call)
            await self._means.places.set_config(call.account, kind, call.bucket, None)
            return done(KINDS[kind].deleted)

        return answer

    def get_one(self, kind: str) -> Handler:
        async def answer(call: Call) -> AwsAnswer:
            await self._owned(call)
            key = f"{call.bucket}/{call.query.get('id', '')}"
            text = self._means.places.config(call.account, kind, key)
            if text is None:
                raise refuse("NoSuchConfiguration")
            return xml(MANY[kind][0], inside(read(text.encode())))

        return answer

    def put_one(self, kind: str) -> Handler:
        async def answer(call: Call) -> AwsAnswer:
            await self._owned(call)
            root = await call.markup(MANY[kind][0])
            id = call.query.get("id", "")
            check_many(root, id)
            key = f"{call.bucket}/{id}"
            await self._means.places.set_config(call.account, kind, key, kept(root))
            return done(200)

        return answer

    def delete_one(self, kind: str) -> Handler:
        async def answer(call: Call) -> AwsAnswer:
            await self._owned(call)
            key = f"{call.bucket}/{call.query.get('id', '')}"
            if self._means.places.config(call.account, kind, key) is None:
                raise refuse("NoSuchConfiguration")
            await self._means.places.set_config(call.account, kind, key, None)
            return done()

        return answer

    def list_many(self, kind: str) -> Handler:
        async def answer(call: Call) -> AwsAnswer:
            await self._owned(call)
            found = self._means.places.configs(call.account, kind, call.bucket)
            return xml(MANY[kind][1], tag("IsTruncated", yes(False)) + "".join(found))

        return answer

    async def _announce(self, call: Call, text: str) -> None:
        unchecked = call.headers.get("x-amz-skip-destination-validation", "").lower() == "true"
        await self._means.announcing.announce(
            call.account, call.bucket, text, checked=not unchecked
        )

    async def _owned(self, call: Call) -> None:
        place = await self._means.place(call)
        self._means.access.bucket(call, place)
