// The runtime of Node.js: asks the platform for calls, gives them to the handler, one at a time.

import { leadAnswers } from "./answering.mjs";
import { RuntimeApi } from "./api.mjs";
import { makeContext } from "./context.mjs";
import { loadHandler } from "./loading.mjs";
import { patchConsole, sayError, setRequest } from "./saying.mjs";
import { isStreaming, provideGlobals, ResponseStream } from "./streaming.mjs";
import { named, told } from "./faults.mjs";

const EXIT_REJECTED = 128;
const EXIT_UNCAUGHT = 129;

const api = new RuntimeApi(process.env.AWS_LAMBDA_RUNTIME_API);
let running = null; // the call that runs, {id, done}

async function main() {
  patchConsole(process.env);
  provideGlobals();
  leadAnswers(process.env.AWS_ENDPOINT_URL);
  let handler;
  try {
    handler = await loadHandler(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER);
  } catch (error) {
    sayError("Uncaught Exception", error);
    await api.initFailed(told(error));
    process.exit(1);
  }
  process.on("uncaughtException", (error) => endWith(error, "Uncaught Exception", EXIT_UNCAUGHT));
  process.on("unhandledRejection", (reason) => endWith(rejected(reason), "Unhandled Promise Rejection", EXIT_REJECTED));
  // With nothing left to wait for, a handler that never called back has no more to say.
  process.on("beforeExit", () => running?.idle());
  serve(handler);
}

function serve(handler) {
  api.next().then(
    (asked) => answer(handler, asked).then(() => serve(handler)),
    (error) => {
      console.error(`the Runtime API is gone: ${error.message}`);
      process.exit(1);
    },
  );
}

async function answer(handler, asked) {
  setRequest(asked.id, asked.tenant);
  if (asked.trace) process.env._X_AMZN_TRACE_ID = asked.trace;
  else delete process.env._X_AMZN_TRACE_ID;
  const streaming = isStreaming(handler);
  const stream = streaming ? new ResponseStream((kind) => api.beginStream(asked.id, kind)) : null;
  try {
    const event = JSON.parse(asked.body);
    if (streaming) {
      await finishStream(handler, event, stream, asked);
    } else {
      const result = await runBuffered(handler, event, asked);
      await api.respond(asked.id, JSON.stringify(result === undefined ? null : result));
    }
  } catch (error) {
    sayError("Invoke Error", error);
    if (stream?.begun) await stream.fail(told(error));
    else await api.failed(asked.id, told(error));
  } finally {
    running = null;
  }
}

async function finishStream(handler, event, stream, asked) {
  const context = makeContext(asked, {});
  running = { id: asked.id, idle: () => stream.destroyed || stream.writableEnded || stream.end() };
  await Promise.race([handler(event, stream, context), stream.broken]);
  if (!stream.writableEnded) stream.end();
  await Promise.race([stream.sent, stream.broken]);
}

// The result of a handler of either kind: one that returns a promise, or one that calls back.
function runBuffered(handler, event, asked) {
  return new Promise((resolve, reject) => {
    let outcome = null; // what was called back with, kept until the event loop is empty
    const settle = () => (outcome.error ? reject(outcome.error) : resolve(outcome.value));
    const callback = (error, value) => {
      if (outcome) return;
      outcome = { error: error === null || error === undefined ? null : asError(error), value };
      if (!context.callbackWaitsForEmptyEventLoop) settle();
    };
    const now = (error, value) => {
      outcome ??= { error, value };
      settle();
    };
    const context = makeContext(asked, {
      done: (error, value) => now(error ? asError(error) : null, value),
      succeed: (value) => now(null, value),
      fail: (error) => now(asError(error), undefined),
    });
    running = {
      id: asked.id,
      idle: () => {
        outcome ??= { error: null, value: null };
        settle();
      },
    };
    const given = handler(event, context, callback);
    if (given && typeof given.then === "function") given.then(resolve, reject);
  });
}

function asError(value) {
  return value instanceof Error ? value : named(new Error(String(value)), "Error");
}

function rejected(reason) {
  const error = new Error(String(reason instanceof Error ? `${reason.name}: ${reason.message}` : reason));
  if (reason instanceof Error) error.stack = reason.stack;
  error.reason = reason;
  return named(error, "Runtime.UnhandledPromiseRejection");
}

async function endWith(error, title, code) {
  sayError(title, error);
  const id = running?.id;
  try {
    if (id) await api.failed(id, told(error));
  } finally {
    process.exit(code);
  }
}

await main();
