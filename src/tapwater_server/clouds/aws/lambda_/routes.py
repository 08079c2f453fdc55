"""Lambda's operations by method and path."""

from collections.abc import Awaitable, Callable, Mapping

from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked
from tapwater_server.clouds.aws.lambda_.operations import (
    asynchronous,
    concurrency,
    functions,
    governing,
    invoking,
    layers,
    permissions,
    streams,
    tagging,
    urls,
    versions,
)
from tapwater_server.clouds.aws.lambda_.room import Room

Operation = Callable[[Room, AwsAsked, Mapping[str, str]], Awaitable[AwsAnswer]]

_F = "functions/{FunctionName}"
_LAYER = "/2018-10-31/layers/{LayerName}/versions"
_SIGNING = "/2020-04-22/code-signing-configs"
_PROVIDERS = "/2025-11-30/capacity-providers"

OPERATIONS: Mapping[str, Operation] = {
    "POST /2015-03-31/functions": functions.create,
    "GET /2015-03-31/functions": functions.list_all,
    f"GET /2015-03-31/{_F}": functions.show,
    f"DELETE /2015-03-31/{_F}": functions.remove,
    f"PUT /2015-03-31/{_F}/code": functions.update_code,
    f"GET /2015-03-31/{_F}/configuration": functions.show_settings,
    f"PUT /2015-03-31/{_F}/configuration": functions.update_settings,
    f"POST /2015-03-31/{_F}/invocations": invoking.invoke,
    f"POST /2014-11-13/{_F}/invoke-async": invoking.invoke_async,
    f"POST /2021-11-15/{_F}/response-streaming-invocations": streams.invoke,
    f"POST /2015-03-31/{_F}/versions": versions.publish,
    f"GET /2015-03-31/{_F}/versions": versions.list_versions,
    f"POST /2015-03-31/{_F}/aliases": versions.create_alias,
    f"GET /2015-03-31/{_F}/aliases": versions.list_aliases,
    f"GET /2015-03-31/{_F}/aliases/{{Name}}": versions.show,
    f"PUT /2015-03-31/{_F}/aliases/{{Name}}": versions.update_alias,
    f"DELETE /2015-03-31/{_F}/aliases/{{Name}}": versions.remove_alias,
    f"POST /2015-03-31/{_F}/policy": permissions.add,
    f"GET /2015-03-31/{_F}/policy": permissions.show,
    f"DELETE /2015-03-31/{_F}/policy/{{StatementId}}": permissions.remove,
    f"PUT /2017-10-31/{_F}/concurrency": concurrency.reserve,
    f"DELETE /2017-10-31/{_F}/concurrency": concurrency.release,
    f"GET /2019-09-30/{_F}/concurrency": concurrency.show_reserved,
    f"PUT /2019-09-30/{_F}/provisioned-concurrency": concurrency.provision,
    f"GET /2019-09-30/{_F}/provisioned-concurrency": concurrency.show_provisioned,
    f"DELETE /2019-09-30/{_F}/provisioned-concurrency": concurrency.unprovision,
    "GET /2016-08-19/account-settings": concurrency.show_account,
    f"PUT /2019-09-25/{_F}/event-invoke-config": asynchronous.put,
    f"POST /2019-09-25/{_F}/event-invoke-config": asynchronous.update,
    f"GET /2019-09-25/{_F}/event-invoke-config": asynchronous.show,
    f"DELETE /2019-09-25/{_F}/event-invoke-config": asynchronous.remove,
    f"GET /2019-09-25/{_F}/event-invoke-config/list": asynchronous.list_all,
    f"POST /2021-10-31/{_F}/url": urls.create,
    f"GET /2021-10-31/{_F}/url": urls.show,
    f"PUT /2021-10-31/{_F}/url": urls.update,
    f"DELETE /2021-10-31/{_F}/url": urls.remove,
    f"GET /2021-10-31/{_F}/urls": urls.list_all,
    "GET /2018-10-31/layers": layers.list_layers,
    f"POST {_LAYER}": layers.publish,
    f"GET {_LAYER}": layers.list_versions,
    f"GET {_LAYER}/{{VersionNumber}}": layers.show,
    f"DELETE {_LAYER}/{{VersionNumber}}": layers.remove,
    f"POST {_LAYER}/{{VersionNumber}}/policy": permissions.add_to_layer,
    f"GET {_LAYER}/{{VersionNumber}}/policy": permissions.show_of_layer,
    f"DELETE {_LAYER}/{{VersionNumber}}/policy/{{StatementId}}": permissions.remove_from_layer,
    "GET /2017-03-31/tags/{Resource}": tagging.show,
    "POST /2017-03-31/tags/{Resource}": tagging.tag,
    "DELETE /2017-03-31/tags/{Resource}": tagging.untag,
    f"GET /2021-07-20/{_F}/runtime-management-config": governing.show_runtime,
    f"PUT /2021-07-20/{_F}/runtime-management-config": governing.manage_runtime,
    f"GET /2024-08-31/{_F}/recursion-config": governing.show_recursion,
    f"PUT /2024-08-31/{_F}/recursion-config": governing.put_recursion,
    f"POST {_SIGNING}": governing.create_signing,
    f"GET {_SIGNING}": governing.list_signing,
    f"GET {_SIGNING}/{{CodeSigningConfigArn}}": governing.show_signing,
    f"PUT {_SIGNING}/{{CodeSigningConfigArn}}": governing.update_signing,
    f"DELETE {_SIGNING}/{{CodeSigningConfigArn}}": governing.remove_signing,
    f"GET {_SIGNING}/{{CodeSigningConfigArn}}/functions": governing.list_signed,
    f"PUT /2020-06-30/{_F}/code-signing-config": governing.attach_signing,
    f"GET /2020-06-30/{_F}/code-signing-config": governing.show_attached,
    f"DELETE /2020-06-30/{_F}/code-signing-config": governing.detach_signing,
    f"GET {_PROVIDERS}": governing.list_nothing,
    f"POST {_PROVIDERS}": governing.offer_nothing,
    f"GET /2025-11-30/{_F}/function-scaling-config": governing.offer_nothing,
    f"PUT /2025-11-30/{_F}/function-scaling-config": governing.offer_nothing,
}
