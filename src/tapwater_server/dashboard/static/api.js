// The public API, as a browser that is signed in speaks to it. The cookie never leaves the browser's
// own keeping; the header says that it is this page that asks, which no other site can send.

export const BASE = "/_/api/v1";
const OURS = { "x-tapwater": "dashboard" };

/** What the server said went wrong (RFC 9457). */
export class Problem extends Error {
  constructor(status, said) {
    super(said.detail || said.title || `the server answered ${status}`);
    this.name = "Problem";
    this.status = status;
    this.code = said.code ?? "";
    this.title = said.title ?? "";
    this.detail = said.detail ?? this.message;
    this.problems = said.problems ?? [];
    this.said = said;
  }
}

/** An API whose reading ends with a page. `api.get("/apps")`, `api.put("/budgets/x", {…})`; a path that
 * begins with /_/ is taken as it is. Answers of JSON are values, all others are Responses. */
export class Api {
  constructor(signal = null) {
    this.signal = signal;
  }

  /** The same for another signal. */
  until(signal) {
    return new Api(signal);
  }

  get(path, query) {
    return this.ask("GET", path, { query, signal: this.signal });
  }

  // What changes something is not cut short when its page is left.
  post(path, body, query) {
    return this.ask("POST", path, { body, query });
  }

  put(path, body, query) {
    return this.ask("PUT", path, { body, query });
  }

  patch(path, body, query) {
    return this.ask("PATCH", path, { body, query });
  }

  delete(path, query) {
    return this.ask("DELETE", path, { query });
  }

  /** Any request; body: JSON, or a Blob, ArrayBuffer or FormData as it is. */
  async ask(method, path, options = {}) {
    const response = await this.raw(method, path, options);
    if (response.status === 204) return null;
    const kind = response.headers.get("content-type") ?? "";
    return kind.startsWith("application/json") ? response.json() : response;
  }

  /** The same, with the Response as it came. Throws a Problem for what is not 2xx. */
  async raw(method, path, { query, body, headers = {}, signal = null } = {}) {
    const init = { method, signal, credentials: "same-origin", redirect: "error", cache: "no-store", headers: { ...OURS, ...headers } };
    if (body !== undefined && body !== null) {
      const whole = body instanceof Blob || body instanceof ArrayBuffer || body instanceof FormData || typeof body === "string";
      init.body = whole ? body : JSON.stringify(body);
      if (!whole) init.headers["content-type"] = "application/json";
    }
    let response;
    try {
      response = await fetch(url(path, query), init);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Problem(0, { title: "No answer", detail: "The server cannot be reached. Is it running?" });
    }
    if (!response.ok) throw await refused(response);
    return response;
  }

  /** Follow server-sent events; `told(event, data)` hears each. Ends with the signal or the server. */
  async events(path, query, told, signal = this.signal) {
    const headers = { accept: "text/event-stream" };
    const response = await this.raw("GET", path, { query, headers, signal });
    let event = "message";
    let data = [];
    for await (const line of lines(response)) {
      if (line === "") {
        if (data.length) told(event, value(data.join("\n")));
        event = "message";
        data = [];
      } else if (line.startsWith("event:")) event = line.slice(6).trim();
      else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
    }
  }

  /** Follow lines of JSON (NDJSON); `told(value)` hears each. */
  async lines(path, query, told, signal = this.signal) {
    const response = await this.raw("GET", path, { query, signal });
    for await (const line of lines(response)) if (line.trim()) told(JSON.parse(line));
  }
}

/** The address of an endpoint. A browser takes . and .. in a path for steps up, also where they are part of a name that
 * came in a link: what is asked for and changed would be something else. No name of ours is one of them. */
export function url(path, query) {
  if (path.split("/").some((part) => /^(\.|%2e){1,2}$/i.test(part))) {
    throw new Problem(404, { title: "Not found", detail: "Nothing has the name . or .. here." });
  }
  const whole = path.startsWith("/_/") ? path : `${BASE}${path}`;
  const pairs = Object.entries(query ?? {}).filter(([, one]) => one !== undefined && one !== null && one !== "");
  const text = new URLSearchParams(pairs).toString();
  return text ? `${whole}?${text}` : whole;
}

async function refused(response) {
  let said = {};
  try {
    said = await response.json();
  } catch {
    said = { title: response.statusText, detail: `The server answered ${response.status}.` }; // No JSON: a proxy's page.
  }
  if (response.status === 401 && !response.url.endsWith("/_/session")) said = { ...said, title: "Signed out", detail: "Your session has ended. Sign in again." };
  const problem = new Problem(response.status, said);
  if (response.status === 401) window.dispatchEvent(new CustomEvent("tapwater:signed-out"));
  return problem;
}

async function* lines(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value: piece } = await reader.read();
      if (done) break;
      const parts = (rest + piece).split(/\r?\n/);
      rest = parts.pop();
      yield* parts;
    }
    if (rest) yield rest;
  } finally {
    reader.cancel().catch(() => {}); // It has ended already, or nobody reads on.
  }
}

function value(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
