"""The credentials that Lambda functions find in their environment."""

from collections.abc import Callable, Mapping

from tapwater_server.clouds.aws.front.keys import Keys, role_name
from tapwater_server.clouds.aws.shapes.unique import unique_id
from tapwater_server.model.ids import AppId
from tapwater_server.ports.facts import Facts
from tapwater_server.ports.sandbox import Image

_ROLE = "iam/role"


def lender(keys: Keys, facts: Facts) -> Callable[[Image], Mapping[str, str]]:
    """Give what makes the variables for an image: temporary keys, as long as its revision lives."""

    def lend(image: Image) -> Mapping[str, str]:
        told = image.foreign
        account = keys.account_of(AppId(str(told.get("home") or keys.account.home)))
        role = str(told.get("role") or account.arn("iam", "role/lambda", region=""))
        known = facts.get(account.space, _ROLE, role_name(role))
        role_id = str(known.value.get("RoleId", "")) if known is not None else ""
        pair = keys.lend_to_function(
            account,
            arn=str(told.get("arn", "")),
            name=str(told.get("name", "")),
            role=role,
            role_id=role_id or unique_id("AROA", f"{account.home}/{role_name(role)}"),
            app=AppId(image.function.partition(":")[0]),
            revision=image.revision,
        )
        return {
            "AWS_ACCESS_KEY_ID": pair.access_key,
            "AWS_SECRET_ACCESS_KEY": pair.secret,
            "AWS_SESSION_TOKEN": pair.token,
        }

    return lend
