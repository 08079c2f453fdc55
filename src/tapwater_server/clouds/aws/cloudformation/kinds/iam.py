"""AWS::IAM::Role, Policy, ManagedPolicy, User and AccessKey."""

import json
from collections.abc import Mapping
from typing import Any

from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.cloudformation.kind import (
    Doing,
    Kind,
    Made,
    Properties,
    as_tag_list,
    is_gone,
    pick,
    tag_list,
)
from tapwater_server.clouds.aws.cloudformation.kinds.traces import is_marked, mark_if_named


def _document(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


async def _find_role(doing: Doing) -> str:
    name = doing.name("RoleName")
    if not doing.want.get("RoleName"):
        return name
    try:
        found = await doing.call("iam", "ListRoleTags", RoleName=name)
    except AwsError as error:
        if is_gone(error):
            return ""
        raise
    tags = {one["Key"]: one["Value"] for one in found["Tags"]}
    return name if is_marked(doing, {"tags": tags}) else ""


async def _create_role(doing: Doing) -> Made:
    name = doing.name("RoleName")
    found = await doing.call(
        "iam",
        "CreateRole",
        RoleName=name,
        AssumeRolePolicyDocument=_document(doing.want["AssumeRolePolicyDocument"]),
        Tags=as_tag_list(mark_if_named(doing, "RoleName")) or None,
        **pick(doing.want, "Path", "Description", "MaxSessionDuration", "PermissionsBoundary"),
    )
    await doing.begun(name)
    await _set_policies(doing, "Role", name)
    role = found["Role"]
    return Made(id=name, attributes={"Arn": role["Arn"], "RoleId": role["RoleId"]})


async def _update_role(doing: Doing) -> Made:
    if doing.changed("AssumeRolePolicyDocument"):
        document = _document(doing.want["AssumeRolePolicyDocument"])
        await doing.call(
            "iam", "UpdateAssumeRolePolicy", RoleName=doing.id, PolicyDocument=document
        )
    if doing.changed("Description", "MaxSessionDuration"):
        given = pick(doing.want, "Description", "MaxSessionDuration")
        await doing.call("iam", "UpdateRole", RoleName=doing.id, **given)
    await _set_policies(doing, "Role", doing.id)
    return Made(id=doing.id, attributes=doing.attributes)


async def _delete_role(doing: Doing) -> None:
    await _drop_policies(doing, "Role")
    await doing.forget("iam", "DeleteRole", RoleName=doing.id)


def _inline(properties: Properties) -> Mapping[str, str]:
    return {
        str(one["PolicyName"]): _document(one["PolicyDocument"])
        for one in properties.get("Policies") or []
    }


def _attached(properties: Properties) -> list[str]:
    return [str(arn) for arn in properties.get("ManagedPolicyArns") or []]


async def _set_policies(doing: Doing, what: str, name: str) -> None:
    """Bring inline and attached policies of a role, user or group to what is wanted."""
    whose = {f"{what}Name": name}
    had, want = _inline(doing.had), _inline(doing.want)
    for policy, document in want.items():
        if had.get(policy) != document:
            await doing.call(
                "iam", f"Put{what}Policy", PolicyName=policy, PolicyDocument=document, **whose
            )
    for policy in had.keys() - want.keys():
        await doing.forget("iam", f"Delete{what}Policy", PolicyName=policy, **whose)
    for arn in _attached(doing.want):
        if arn not in _attached(doing.had):
            await doing.call("iam", f"Attach{what}Policy", PolicyArn=arn, **whose)
    for arn in _attached(doing.had):
        if arn not in _attached(doing.want):
            await doing.forget("iam", f"Detach{what}Policy", PolicyArn=arn, **whose)


async def _drop_policies(doing: Doing, what: str) -> None:
    whose = {f"{what}Name": doing.id}
    for policy in _inline(doing.want):
        await doing.forget("iam", f"Delete{what}Policy", PolicyName=policy, **whose)
    for arn in _attached(doing.want):
        await doing.forget("iam", f"Detach{what}Policy", PolicyArn=arn, **whose)


def _holders(properties: Properties) -> list[tuple[str, str]]:
    """Give the roles, users and groups that a policy names."""
    return [
        (what, str(name))
        for what, names in (("Role", "Roles"), ("User", "Users"), ("Group", "Groups"))
        for name in properties.get(names) or []
    ]


async def _put_policy(doing: Doing) -> Made:
    name = str(doing.want["PolicyName"])
    for what, holder in _holders(doing.want):
        await doing.call(
            "iam",
            f"Put{what}Policy",
            PolicyName=name,
            PolicyDocument=_document(doing.want["PolicyDocument"]),
            **{f"{what}Name": holder},
        )
    for what, holder in _holders(doing.had):
        if (what, holder) not in _holders(doing.want) or doing.changed("PolicyName"):
            old = str(doing.had["PolicyName"])
            given = {f"{what}Name": holder, "PolicyName": old}
            await doing.forget("iam", f"Delete{what}Policy", **given)
    return Made(id=name, attributes={"Id": name})


async def _drop_policy(doing: Doing) -> None:
    for what, holder in _holders(doing.want):
        given = {f"{what}Name": holder, "PolicyName": str(doing.want["PolicyName"])}
        await doing.forget("iam", f"Delete{what}Policy", **given)


async def _create_managed(doing: Doing) -> Made:
    found = await doing.call(
        "iam",
        "CreatePolicy",
        PolicyName=doing.name("ManagedPolicyName"),
        PolicyDocument=_document(doing.want["PolicyDocument"]),
        **pick(doing.want, "Path", "Description"),
    )
    arn = str(found["Policy"]["Arn"])
    await doing.begun(arn)
    for what, holder in _holders(doing.want):
        given = {f"{what}Name": holder, "PolicyArn": arn}
        await doing.call("iam", f"Attach{what}Policy", **given)
    return Made(id=arn, attributes={"PolicyArn": arn})


async def _delete_managed(doing: Doing) -> None:
    for what, holder in _holders(doing.want):
        given = {f"{what}Name": holder, "PolicyArn": doing.id}
        await doing.forget("iam", f"Detach{what}Policy", **given)
    await doing.forget("iam", "DeletePolicy", PolicyArn=doing.id)


async def _create_user(doing: Doing) -> Made:
    name = doing.name("UserName")
    found = await doing.call(
        "iam",
        "CreateUser",
        UserName=name,
        Tags=tag_list(doing.want, doing.tags) or None,
        **pick(doing.want, "Path"),
    )
    await doing.begun(name)
    await _set_policies(doing, "User", name)
    return Made(id=name, attributes={"Arn": found["User"]["Arn"]})


async def _update_user(doing: Doing) -> Made:
    await _set_policies(doing, "User", doing.id)
    return Made(id=doing.id, attributes=doing.attributes)


async def _delete_user(doing: Doing) -> None:
    await _drop_policies(doing, "User")
    await doing.forget("iam", "DeleteUser", UserName=doing.id)


async def _create_key(doing: Doing) -> Made:
    found = await doing.call("iam", "CreateAccessKey", UserName=doing.want["UserName"])
    key = found["AccessKey"]
    attributes = {"SecretAccessKey": key["SecretAccessKey"]}
    return Made(id=str(key["AccessKeyId"]), attributes=attributes)


async def _delete_key(doing: Doing) -> None:
    await doing.forget(
        "iam", "DeleteAccessKey", UserName=doing.want["UserName"], AccessKeyId=doing.id
    )


KINDS = (
    Kind(
        type="AWS::IAM::Role",
        create=_create_role,
        update=_update_role,
        delete=_delete_role,
        takes=frozenset(
            {
                *("RoleName", "AssumeRolePolicyDocument", "Policies", "ManagedPolicyArns"),
                *("Path", "Description", "MaxSessionDuration", "PermissionsBoundary", "Tags"),
            }
        ),
        replaced=frozenset({"RoleName", "Path", "PermissionsBoundary"}),
        named="RoleName",
        find=_find_role,
    ),
    Kind(
        type="AWS::IAM::Policy",
        create=_put_policy,
        update=_put_policy,
        delete=_drop_policy,
        takes=frozenset({"PolicyName", "PolicyDocument", "Roles", "Users", "Groups"}),
    ),
    Kind(
        type="AWS::IAM::ManagedPolicy",
        create=_create_managed,
        delete=_delete_managed,
        takes=frozenset(
            {
                *("ManagedPolicyName", "PolicyDocument", "Roles", "Users", "Groups"),
                *("Path", "Description"),
            }
        ),
    ),
    Kind(
        type="AWS::IAM::User",
        create=_create_user,
        update=_update_user,
        delete=_delete_user,
        takes=frozenset({"UserName", "Path", "Policies", "ManagedPolicyArns", "Tags"}),
        replaced=frozenset({"UserName", "Path"}),
        named="UserName",
    ),
    Kind(
        type="AWS::IAM::AccessKey",
        create=_create_key,
        delete=_delete_key,
        takes=frozenset({"UserName", "Status", "Serial"}),
    ),
)
