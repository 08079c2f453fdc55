// The Runtime API, as a client: one connection that stays open.

import http from "node:http";

const PREFIX = "/2018-06-01/runtime";
const ERROR_TYPE = "Lambda-Runtime-Function-Error-Type";
const ERROR_BODY = "Lambda-Runtime-Function-Error-Body";

export class RuntimeApi {
  constructor(address) {
    const [host, port] = address.split(":");
    this.place = { host, port: Number(port) };
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 2, noDelay: true });
  }

  // The next call: waits for it.
  async next() {
    const { headers, body } = await this.#ask("GET", "/invocation/next");
    const said = (name) => headers[`lambda-runtime-${name}`];
    return {
      id: said("aws-request-id"),
      deadlineMs: Number(said("deadline-ms")),
      arn: said("invoked-function-arn"),
      trace: said("trace-id"),
      clientContext: said("client-context"),
      identity: said("cognito-identity"),
      tenant: said("aws-tenant-id"),
      body,
    };
  }

  respond(id, body) {
    return this.#ask("POST", `/invocation/${id}/response`, body, { "Content-Type": "application/json" });
  }

  failed(id, error) {
    return this.#ask("POST", `/invocation/${id}/error`, JSON.stringify(error), { [ERROR_TYPE]: header(error.errorType) });
  }

  initFailed(error) {
    return this.#ask("POST", "/init/error", JSON.stringify(error), { [ERROR_TYPE]: header(error.errorType) });
  }

  // An answer in pieces: a request whose body is written as the handler writes.
  beginStream(id, contentType) {
    const headers = {
      "Content-Type": contentType,
      "Lambda-Runtime-Function-Response-Mode": "streaming",
      "Transfer-Encoding": "chunked",
      Trailer: `${ERROR_TYPE}, ${ERROR_BODY}`,
    };
    const request = this.#open("POST", `/invocation/${id}/response`, headers);
    const sent = new Promise((resolve, reject) => {
      request.on("error", reject);
      request.on("response", (response) => {
        response.resume();
        response.on("end", resolve);
      });
    });
    const fail = (error) => {
      const body = Buffer.from(JSON.stringify(error)).toString("base64");
      request.addTrailers({ [ERROR_TYPE]: header(error.errorType), [ERROR_BODY]: body });
      request.end();
    };
    return { request, sent, fail };
  }

  #open(method, path, headers) {
    const request = http.request({ ...this.place, agent: this.agent, method, path: PREFIX + path, headers });
    request.setNoDelay(true);
    return request;
  }

  #ask(method, path, body, headers = {}) {
    return new Promise((resolve, reject) => {
      const given = body === undefined ? {} : { "Content-Length": Buffer.byteLength(body) };
      const request = this.#open(method, path, { ...headers, ...given });
      request.on("error", reject);
      request.on("response", (response) => {
        const parts = [];
        response.on("error", reject);
        response.on("data", (part) => parts.push(part));
        response.on("end", () => {
          const whole = Buffer.concat(parts).toString("utf8");
          if (response.statusCode < 300) resolve({ headers: response.headers, body: whole });
          else reject(new Error(`${method} ${path}: ${response.statusCode} ${whole}`));
        });
      });
      request.end(body);
    });
  }
}

function header(text) {
  return String(text).replace(/[^\x20-\x7e]/g, "?");
}
