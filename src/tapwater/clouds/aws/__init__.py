"""A Lambda function in the sandbox: handlers of Python in forked instances, others by Runtime API.

What the platform says of it is ``Function.foreign``, a mapping of JSON values:

    cloud         "aws"
    runtime       "python3.12", "nodejs22.x", "provided.al2023": as CreateFunction has it
    handler       "app.handler"; "folder/app.handler" and "folder.app.handler" are the same
    name          of the function
    version       "$LATEST" or "3"
    arn           of the function, without a qualifier
    account       twelve digits
    region        "us-east-1"
    home          the account's app
    role          ARN of the role whose credentials it is given
    memory_mb     what MemorySize says (the limit itself is ``FunctionLimits.memory_bytes``)
    timeout_s     what Timeout says (the limit itself is ``FunctionLimits.timeout_s``)
    log_group     "/aws/lambda/name"
    log_stream    "2026/11/21/[$LATEST]0123…": all instances of a revision share it; "": made up
    init          "on-demand", "provisioned-concurrency" or "snap-start" (with it the hooks of
                  ``snapshot_restore_py`` run: one kind before the fork, the other after it)
    log_format    "Text" or "JSON"; left out: "Text"
    log_level     least level of the function's own lines: "TRACE" … "FATAL"; left out: as they are
    system_level  least level of START, END and REPORT: "DEBUG", "INFO" or "WARN"; left out: "INFO".
                  "OFF": the platform writes them by itself
    opening       what START is of a call, "{lambda-request-id}" and other headers to be filled in:
                  such a line waits for what is said next, and the host says it of calls whose
                  process ends before that; left out: it is said at once
    layers        true: the layer folder is there (it is seen at /opt)

All but cloud, runtime and handler may be left out. ``Function.file`` is not used: say "". The code
folder is /var/task, the layer folder /opt. ``Function.environment`` is what the user set and
nothing else: the variables of the runtime are set here, credentials and AWS_ENDPOINT_URL when the
image is made (assembly/furnishing.py).

A call is a Verb.EVENT whose body is the event's JSON, with these headers:

    lambda-request-id        UUID
    lambda-arn               as it was invoked, with the qualifier
    lambda-version           left out: ``version`` from above
    lambda-client-context    JSON (not base64)
    lambda-cognito-identity  JSON
    lambda-trace             "Root=1-…;Parent=…;Sampled=0"
    lambda-tenant-id

An answer has status 200 and the payload as body; or status 500, header ``lambda-function-error:
Unhandled`` and {"errorMessage", "errorType", "stackTrace", "requestId"}. With the header
``lambda-response-mode: streaming`` the body comes in pieces as it is written, of the content type
that the function said: application/vnd.awslambda.http-integration-response means a JSON prelude,
eight zero bytes, then the body. A stream that fails midway ends as USER_ERROR, after its pieces.
A handler that ends its process (sys.exit, a signal) ends the call as CRASHED, without an answer.
"""
