"""What functions whose source stands in a template find beside it: the module by which custom
resources answer. Pure.
"""

from collections.abc import Mapping

_PYTHON = '''"""Tells CloudFormation how a custom resource's request ended."""

import json
import urllib.request

SUCCESS, FAILED = "SUCCESS", "FAILED"


def send(
    event,
    context,
    responseStatus,
    responseData,
    physicalResourceId=None,
    noEcho=False,
    reason=None,
):
    log = f"See the details in CloudWatch Log Stream: {context.log_stream_name}"
    body = json.dumps(
        {
            "Status": responseStatus,
            "Reason": reason or log,
            "PhysicalResourceId": physicalResourceId or context.log_stream_name,
            "StackId": event["StackId"],
            "RequestId": event["RequestId"],
            "LogicalResourceId": event["LogicalResourceId"],
            "NoEcho": noEcho,
            "Data": responseData,
        }
    ).encode()
    request = urllib.request.Request(
        event["ResponseURL"], data=body, method="PUT", headers={"Content-Type": ""}
    )
    try:
        with urllib.request.urlopen(request) as answer:
            print("Status code:", answer.status)
    except Exception as error:
        print("send(..) failed executing the request:", error)
'''
_NODE = """// Tells CloudFormation how a custom resource's request ended.
"use strict";

const http = require("http");

exports.SUCCESS = "SUCCESS";
exports.FAILED = "FAILED";

exports.send = (event, context, status, data, physicalResourceId, noEcho) =>
  new Promise((resolve, reject) => {
    const body = JSON.stringify({
      Status: status,
      Reason: `See the details in CloudWatch Log Stream: ${context.logStreamName}`,
      PhysicalResourceId: physicalResourceId || context.logStreamName,
      StackId: event.StackId,
      RequestId: event.RequestId,
      LogicalResourceId: event.LogicalResourceId,
      NoEcho: noEcho || false,
      Data: data,
    });
    const headers = { "content-type": "", "content-length": Buffer.byteLength(body) };
    const request = http.request(event.ResponseURL, { method: "PUT", headers }, (response) => {
      console.log(`Status code: ${response.statusCode}`);
      response.resume();
      resolve();
      context.done?.();
    });
    request.on("error", (error) => {
      console.log(`send(..) failed executing the request: ${error.message}`);
      reject(error);
      context.done?.(error);
    });
    request.end(body);
  });
"""


def brought(source: str, runtime: str) -> Mapping[str, str]:
    """Give the files that a source asks for, by their paths.

    >>> list(brought("import cfnresponse", "python3.12"))
    ['cfnresponse.py']
    >>> dict(brought("pass", "python3.12"))
    {}
    """
    if runtime.startswith("python") and "cfnresponse" in source:
        return {"cfnresponse.py": _PYTHON}
    if runtime.startswith("nodejs") and "cfn-response" in source:
        return {"node_modules/cfn-response/index.js": _NODE}
    return {}
