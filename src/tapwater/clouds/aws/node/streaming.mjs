// Answers in pieces: awslambda.streamifyResponse() and awslambda.HttpResponseStream.

import { Writable } from "node:stream";

const MARK = Symbol.for("aws.lambda.runtime.handler.streaming");
const STREAMING = "response";
const HTTP_INTEGRATION = "application/vnd.awslambda.http-integration-response";
const SEPARATOR = Buffer.alloc(8);

export function isStreaming(handler) {
  return handler[MARK] === STREAMING;
}

export function provideGlobals() {
  globalThis.awslambda = {
    streamifyResponse(handler, options) {
      handler[MARK] = STREAMING;
      if (options?.highWaterMark !== undefined) handler[Symbol.for("aws.lambda.runtime.handler.streaming.highWaterMark")] = Number(options.highWaterMark);
      return handler;
    },
    HttpResponseStream,
  };
}

// What a handler writes to. The answer begins with its first byte, or its end.
export class ResponseStream extends Writable {
  #open;
  #answer = null;
  #contentType = "application/octet-stream";
  #sent;
  #tell;

  constructor(open) {
    super({ highWaterMark: 64 * 1024 });
    this.#open = open;
    this.#sent = new Promise((resolve, reject) => (this.#tell = { resolve, reject }));
    this.#sent.catch(() => {}); // Whoever waits for it hears of it.
    // A stream that is destroyed with an error never ends by itself.
    this.broken = new Promise((_, reject) => {
      this.on("error", reject);
      this.on("close", () => this.writableFinished || reject(new Error("The stream was destroyed.")));
    });
    this.broken.catch(() => {});
  }

  setContentType(contentType) {
    if (!this.begun) this.#contentType = contentType;
  }

  get begun() {
    return this.#answer !== null;
  }

  get sent() {
    return this.#sent;
  }

  // Written before the first byte of the handler's own.
  prelude = null;

  _write(data, encoding, done) {
    const request = this.#begin();
    if (request.write(data, encoding)) done();
    else request.once("drain", done);
  }

  _final(done) {
    this.#begin().end();
    done();
  }

  fail(error) {
    this.#answer.fail(error);
    return this.#sent.catch(() => {});
  }

  #begin() {
    if (this.#answer === null) {
      this.#answer = this.#open(this.#contentType);
      this.#answer.sent.then(this.#tell.resolve, this.#tell.reject);
      if (this.prelude !== null) {
        this.#answer.request.write(Buffer.concat([Buffer.from(this.prelude), SEPARATOR]));
      }
      this.#answer.request.flushHeaders();
    }
    return this.#answer.request;
  }
}

class HttpResponseStream {
  static from(stream, metadata) {
    stream.setContentType(HTTP_INTEGRATION);
    stream.prelude = JSON.stringify(metadata);
    return stream;
  }
}
