// What a handler is given beside the event.

export function makeContext(asked, old) {
  const known = process.env;
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: known.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: known.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: known.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: known.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: known.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: read(asked.clientContext),
    identity: read(asked.identity),
    invokedFunctionArn: asked.arn,
    awsRequestId: asked.id,
    tenantId: asked.tenant,
    getRemainingTimeInMillis: () => Math.max(0, asked.deadlineMs - Date.now()),
    ...old,
  };
}

function read(text) {
  return text ? JSON.parse(text) : undefined;
}
