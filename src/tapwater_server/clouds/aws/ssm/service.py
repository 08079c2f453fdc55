"""The operations of the parameter store."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsAsked, AwsError, Service
from tapwater_server.clouds.aws.protocol.service import Given, Handler, ModelService, Params
from tapwater_server.clouds.aws.shapes.tags import tags_in, tags_out, untagged
from tapwater_server.clouds.aws.ssm.parameters import Parameters, version_of
from tapwater_server.ports.facts import Fact

_NAME = re.compile(r"/?[a-zA-Z0-9_.-]+(/[a-zA-Z0-9_.-]+)*")
TAGS_MAX = 50


class Ssm:
    """The parameter store on an account's facts."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters

    def door(self) -> Service:
        handlers: Mapping[str, Handler] = {
            "PutParameter": self.put,
            "GetParameter": self.get,
            "GetParameters": self.get_many,
            "GetParametersByPath": self.get_by_path,
            "GetParameterHistory": self.history,
            "DescribeParameters": self.describe,
            "DeleteParameter": self.delete,
            "DeleteParameters": self.delete_many,
            "LabelParameterVersion": self.label,
            "AddTagsToResource": self.tag,
            "RemoveTagsFromResource": self.untag,
            "ListTagsForResource": self.list_tags,
        }
        return ModelService("ssm", handlers, protocol="json")

    async def put(self, asked: AwsAsked, params: Params) -> Given:
        name = params["Name"]
        if not _NAME.fullmatch(name) or name.lstrip("/").lower().startswith(("aws", "ssm")):
            raise AwsError("ValidationException", f"{name[:100]!r} cannot be a parameter's name")
        pattern = params.get("AllowedPattern")
        if pattern or params.get("Policies"):
            raise AwsError(
                "InvalidAllowedPatternException" if pattern else "InvalidPolicyTypeException",
                "Patterns and policies of parameters are not kept here",
            )
        value = await self._parameters.put(asked.account, name, params)
        return {"Version": value["latest"], "Tier": value["tier"]}

    async def get(self, asked: AwsAsked, params: Params) -> Given:
        plain = params.get("WithDecryption", False)
        return {"Parameter": self._read(asked, params["Name"], plain=plain)}

    async def get_many(self, asked: AwsAsked, params: Params) -> Given:
        plain, found, invalid = params.get("WithDecryption", False), [], []
        for name in params["Names"]:
            try:
                found.append(self._read(asked, name, plain=plain))
            except AwsError:
                invalid.append(name)
        return {"Parameters": found, "InvalidParameters": invalid}

    async def get_by_path(self, asked: AwsAsked, params: Params) -> Given:
        _refuse_filters(params, known=())
        path = params["Path"].rstrip("/") + "/"
        if not path.startswith("/"):
            raise AwsError("ValidationException", "The parameter path must begin with a slash")
        deep, plain = params.get("Recursive", False), params.get("WithDecryption", False)
        found = [
            fact
            for fact in self._parameters.all(asked.account, path)
            if deep or "/" not in fact.key[len(path) :]
        ]
        page, token = _page(found, params, 10)
        return {"Parameters": [self._shown(asked, fact, "", plain=plain) for fact in page], **token}

    async def history(self, asked: AwsAsked, params: Params) -> Given:
        fact = self._parameters.find(asked.account, _name(asked.account, params["Name"]))
        plain = params.get("WithDecryption", False)
        shown = [
            {
                "Name": fact.key,
                "Type": version["type"],
                "Version": version["version"],
                "LastModifiedDate": version["at"],
                "Labels": version.get("labels", []),
                "Value": self._parameters.text(asked.account, fact, version, plain=plain),
                "Tier": fact.value["tier"],
                "DataType": fact.value["data_type"],
                "Description": fact.value["description"],
            }
            for version in fact.value["versions"]
        ]
        return {"Parameters": shown}

    async def describe(self, asked: AwsAsked, params: Params) -> Given:
        filters = _refuse_filters(params, known=("Name", "Type", "Path"))
        found = [
            fact
            for fact in self._parameters.all(asked.account)
            if all(_fits(fact, each) for each in filters)
        ]
        page, token = _page(found, params, 50)
        shown = [
            {
                "Name": fact.key,
                "ARN": _arn(asked, fact.key),
                "Type": fact.value["type"],
                "LastModifiedDate": fact.value["versions"][-1]["at"],
                "Description": fact.value["description"] or None,
                "Version": fact.value["latest"],
                "Tier": fact.value["tier"],
                "DataType": fact.value["data_type"],
                "Policies": [],
            }
            for fact in page
        ]
        return {"Parameters": shown, **token}

    async def delete(self, asked: AwsAsked, params: Params) -> Given:
        await self._parameters.remove(asked.account, _name(asked.account, params["Name"]))
        return {}

    async def delete_many(self, asked: AwsAsked, params: Params) -> Given:
        deleted, invalid = [], []
        for name in params["Names"]:
            try:
                await self._parameters.remove(asked.account, _name(asked.account, name))
                deleted.append(name)
            except AwsError:
                invalid.append(name)
        return {"DeletedParameters": deleted, "InvalidParameters": invalid}

    async def label(self, asked: AwsAsked, params: Params) -> Given:
        fact = self._parameters.find(asked.account, _name(asked.account, params["Name"]))
        wanted = version_of(fact, str(params.get("ParameterVersion", "")))["version"]
        labels = set(params["Labels"])
        versions = []
        for version in fact.value["versions"]:
            kept = set(version.get("labels", ())) - labels
            if version["version"] == wanted:
                kept |= labels
            versions.append({**version, "labels": sorted(kept)})
        await self._parameters.change(asked.account, fact, versions=versions)
        return {"InvalidLabels": [], "ParameterVersion": wanted}

    async def tag(self, asked: AwsAsked, params: Params) -> Given:
        fact = self._tagged(asked, params)
        tags = {**fact.value["tags"], **tags_in(params["Tags"])}
        if len(tags) > TAGS_MAX:
            raise AwsError("TooManyTagsError", f"At most {TAGS_MAX} tags")
        await self._parameters.change(asked.account, fact, tags=tags)
        return {}

    async def untag(self, asked: AwsAsked, params: Params) -> Given:
        fact = self._tagged(asked, params)
        tags = untagged(fact.value["tags"], params["TagKeys"])
        await self._parameters.change(asked.account, fact, tags=tags)
        return {}

    async def list_tags(self, asked: AwsAsked, params: Params) -> Given:
        tags = self._tagged(asked, params).value["tags"]
        return {"TagList": tags_out(dict(sorted(tags.items())))}

    def _tagged(self, asked: AwsAsked, params: Params) -> Fact:
        if params["ResourceType"] != "Parameter":
            raise AwsError("InvalidResourceType", "Only parameters are kept here")
        try:
            return self._parameters.find(asked.account, params["ResourceId"])
        except AwsError:
            raise AwsError("InvalidResourceId", "The resource ID is not valid.") from None

    def _read(self, asked: AwsAsked, name: str, *, plain: bool) -> dict[str, Any]:
        base, _, selector = _name(asked.account, name).partition(":")
        return self._shown(asked, self._parameters.find(asked.account, base), selector, plain=plain)

    def _shown(self, asked: AwsAsked, fact: Fact, selector: str, *, plain: bool) -> dict[str, Any]:
        version = version_of(fact, selector)
        return {
            "Name": fact.key,
            "Type": version["type"],
            "Value": self._parameters.text(asked.account, fact, version, plain=plain),
            "Version": version["version"],
            "Selector": f":{selector}" if selector else None,
            "LastModifiedDate": version["at"],
            "ARN": _arn(asked, fact.key),
            "DataType": fact.value["data_type"],
        }


def _name(account: Account, said: str) -> str:
    """Give the name, also out of an ARN. Of another account's ARN there is none.

    >>> account = Account(id="000000000000", home="aws")
    >>> _name(account, "arn:aws:ssm:us-east-1:000000000000:parameter/shop/url")
    '/shop/url'
    """
    if not said.startswith("arn:"):
        return said
    if said.split(":", 5)[4:5] != [account.id]:
        return said
    name = said.partition(":parameter")[2]
    return name if "/" in name[1:] else name[1:]


def _arn(asked: AwsAsked, name: str) -> str:
    return asked.account.arn("ssm", f"parameter/{name.removeprefix('/')}")


def _refuse_filters(params: Params, *, known: Sequence[str]) -> Sequence[Mapping[str, Any]]:
    """Give the filters, if all of them can be read.

    Raises:
        AwsError: InvalidFilterKey.
    """
    old = [
        {"Key": each["Key"], "Option": "Equals", "Values": each["Values"]}
        for each in params.get("Filters", ())
    ]
    filters = [*params.get("ParameterFilters", ()), *old]
    for each in filters:
        if each["Key"] not in known:
            raise AwsError("InvalidFilterKey", f"Filters by {each['Key']} are not read here")
    return filters


def _fits(fact: Fact, wanted: Mapping[str, Any]) -> bool:
    values = wanted.get("Values", [])
    if wanted["Key"] == "Type":
        return fact.value["type"] in values
    if wanted["Key"] == "Path":
        return any(fact.key.startswith(value.rstrip("/") + "/") for value in values)
    option = wanted.get("Option", "Equals")
    if option == "BeginsWith":
        return any(fact.key.lstrip("/").startswith(value.lstrip("/")) for value in values)
    if option == "Contains":
        return any(value in fact.key for value in values)
    return fact.key in values


def _page(
    found: Sequence[Fact], params: Params, size: int
) -> tuple[Sequence[Fact], dict[str, str]]:
    token, size = params.get("NextToken", ""), params.get("MaxResults", size)
    left = [fact for fact in found if fact.key > token]
    return left[:size], {"NextToken": left[size - 1].key} if len(left) > size else {}
