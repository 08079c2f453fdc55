/**
 * Tapwater in a browser: users, documents, blobs and functions of one app. One file, no build.
 *
 *     import { Tapwater } from "/_/v1/tapwater.js";
 *     const app = new Tapwater();
 *     await app.auth.signIn("ada@example.com", "a long password");
 *     const stop = app.docs.subscribe("rooms/1/messages", (messages) => show(messages));
 *
 * What a user may do is said by the app's rules, on the server: nothing here is a secret.
 * @module
 */

const REFRESH_AHEAD_MS = 60_000; // Before an access token ends.
const QUIET_MS_MAX = 40_000; // The server says every 15 s that it is alive.
const RETRY_MS_MIN = 500, RETRY_MS_MAX = 30_000;
const PART_BYTES = 8 << 20; // A larger file is sent in parts of this size.
const PART_TRIES = 4;

/**
 * @typedef {{id: string, email: string, email_verified: boolean, roles: string[],
 *   claims: Object, profile: Object}} User
 * @typedef {{path: string, id: string, collection: string, version: number,
 *   created_at: number, updated_at: number, data: Object}} Doc
 * @typedef {{bucket: string, key: string, size: number, etag: string, content_type: string,
 *   version: string, metadata: Object<string, string>}} Facts
 * @typedef {{collection: string, group?: boolean, where?: Array, order_by?: string[],
 *   limit?: number, after?: string, select?: string[]}} Query
 * @typedef {{ifVersion?: number, ifAbsent?: boolean, ttl?: number}} WriteOptions
 */

/** What a service or a function refused. `code` is stable: "not_found", "conflict", … */
export class TapwaterError extends Error {
  constructor(message, { code = "internal", status = 0, problems = [] } = {}) {
    super(message);
    this.name = "TapwaterError";
    this.code = code; this.status = status; this.problems = problems;
  }
}

const unreachable = (error) => new TapwaterError(
  `the server cannot be reached: ${error.message || error}`, { code: "unreachable" });

const refused = (status, text) => {
  let said = {};
  try { said = JSON.parse(text); } catch { /* No problem+json: the status must do. */ }
  return new TapwaterError(said.detail || `the server answered with status ${status}`,
    { code: said.code || "internal", status, problems: said.problems || [] });
};

const encodePath = (path) => path.split("/").map(encodeURIComponent).join("/");
const json = (value) => ({ body: JSON.stringify(value), headers: { "content-type": "application/json" } });
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const backoff = (attempt) =>
  Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** attempt) * (0.5 + Math.random() / 2);

/** Where tokens are kept: "local" (all tabs, stays), "session" (this tab), "memory" (this page). */
const openStorage = (kind) => {
  try {
    const found = { local: globalThis.localStorage, session: globalThis.sessionStorage }[kind];
    if (found) return found;
  } catch { /* The browser allows none here: this page then. */ }
  const held = new Map();
  return { getItem: (name) => held.get(name) ?? null, setItem: (name, value) => held.set(name, value),
    removeItem: (name) => held.delete(name) };
};

/** One app. */
export class Tapwater {
  /**
   * @param {{url?: string, storage?: "local"|"session"|"memory", token?: string}} [options]
   *   `url`: one of the app's hosts, else this page's. `token`: an API key, instead of signing in.
   */
  constructor({ url = globalThis.location?.origin ?? "", storage = "local", token = "" } = {}) {
    this.url = url.replace(/\/$/, "");
    this.auth = new Auth(this, openStorage(storage), token);
    this.docs = new Docs(this);
    this.blobs = new Blobs(this);
    this.events = new Events(this);
  }

  /**
   * Call a function of the app: `call("/orders-api/place", {item: 1})`. With data it is a POST.
   * @param {string} path
   * @param {*} [data]
   * @param {{method?: string, headers?: Object<string, string>, signal?: AbortSignal}} [options]
   * @returns {Promise<*>} what it returned: JSON read, other text as text, else a Blob
   */
  async call(path, data, { method, headers = {}, signal } = {}) {
    const body = data === undefined ? {} : json(data);
    const response = await this.auth.fetch(this.url + path, {
      method: method || (data === undefined ? "GET" : "POST"), signal,
      body: body.body, headers: { ...body.headers, ...headers } });
    const kind = response.headers.get("content-type") || "";
    if (response.status === 204) return null;
    if (/[/+]json\b/.test(kind)) return response.json();
    return kind.startsWith("text/") ? response.text() : response.blob();
  }

  /** Ask a service: `path` is below /_/v1. @returns {Promise<Response>} */
  ask(path, options = {}) { return this.auth.fetch(`${this.url}/_/v1${path}`, options); }

  async askJson(path, options) {
    const response = await this.ask(path, options);
    return response.status === 204 ? null : response.json();
  }
}

class Auth {
  constructor(app, storage, token) {
    this._app = app; this._storage = storage; this._fixed = token;
    this._name = `tapwater ${app.url}`;
    this._listeners = new Set();
    this._refreshing = null;
    globalThis.addEventListener?.("storage", (event) => event.key === this._name && this._tell());
  }

  /** @returns {User|null} who is signed in here */
  get user() { return this._held()?.user ?? null; }

  /** Hear who is signed in, now and from now on. @returns {() => void} stop */
  onChange(listener) {
    this._listeners.add(listener);
    queueMicrotask(() => this._listeners.has(listener) && listener(this.user));
    return () => this._listeners.delete(listener);
  }

  /** Make an account. @returns {Promise<User|null>} null: a mail asks to confirm the address first */
  async signUp(email, password, profile = {}) {
    const said = await this._post("/sign-up", { email, password, profile });
    return said.access_token ? this._keep(said) : null;
  }

  /** @returns {Promise<User>} */
  async signIn(email, password) { return this._keep(await this._post("/sign-in", { email, password })); }

  /** End this session, or with `everywhere` all of them. */
  async signOut({ everywhere = false } = {}) {
    if (!this._held()) return;
    try { await this._app.ask("/auth/sign-out", { method: "POST", ...json({ everywhere }) }); }
    catch (error) { if (error.status !== 401) throw error; } // It had ended already.
    finally { this._forget(); }
  }

  /** Send a mail with which a forgotten password can be set anew. */
  async resetPassword(email) { await this._post("/reset", { email }); }
  async confirm(code) { await this._post("/confirm", { code }); }
  async setPassword(code, password) { await this._post("/reset/confirm", { code, password }); }

  async changePassword(old, next) {
    return this._keep(await this._app.askJson(
      "/auth/me/password", { method: "POST", ...json({ old, new: next }) }));
  }

  /** @returns {Promise<User>} */
  async updateProfile(profile) {
    const user = await this._app.askJson("/auth/me", { method: "PATCH", ...json({ profile }) });
    const held = this._held();
    if (held) this._store({ ...held, user });
    return user;
  }

  /** A token that is good for a while; "" for nobody. */
  async token() {
    if (this._fixed) return this._fixed;
    const held = this._held();
    if (!held) return "";
    return held.ends - Date.now() > REFRESH_AHEAD_MS ? held.access : this._refresh(held.access);
  }

  /** `fetch` as who is signed in. @returns {Promise<Response>} @throws {TapwaterError} */
  async fetch(url, options = {}) {
    let token = await this.token();
    let response = await this._try(url, options, token);
    if (response.status === 401 && token && !this._fixed) {
      token = await this._refresh(token);
      response = await this._try(url, options, token);
    }
    if (!response.ok && response.status !== 304) throw refused(response.status, await response.text());
    return response;
  }

  async _try(url, options, token) {
    const headers = { ...options.headers };
    if (token) headers.authorization = `Bearer ${token}`;
    try { return await fetch(url, { ...options, headers }); }
    catch (error) { throw error.name === "AbortError" ? error : unreachable(error); }
  }

  async _post(path, body) {
    const url = `${this._app.url}/_/v1/auth${path}`;
    const response = await this._try(url, { method: "POST", ...json(body) }, "");
    const text = await response.text();
    if (!response.ok) throw refused(response.status, text);
    return text ? JSON.parse(text) : {};
  }

  /** Exchange the refresh token: good once, so one tab at a time, and one request in a tab. */
  _refresh(stale) {
    const alone = globalThis.navigator?.locks
      ? (work) => navigator.locks.request(this._name, work) : (work) => work();
    this._refreshing ||= alone(() => this._exchange(stale)).finally(() => { this._refreshing = null; });
    return this._refreshing;
  }

  async _exchange(stale) {
    const held = this._held();
    if (!held) return "";
    if (held.access !== stale) return held.access; // Another tab was quicker.
    try { this._keep(await this._post("/refresh", { refresh_token: held.refresh })); }
    catch (error) {
      if (error.status < 400 || error.status >= 500 || error.status === 429) throw error;
      this._forget();
    }
    return this._held()?.access ?? "";
  }

  _held() {
    try { return JSON.parse(this._storage.getItem(this._name)); } catch { return null; }
  }

  _keep(said) {
    this._store({ access: said.access_token, refresh: said.refresh_token, user: said.user,
      ends: Date.now() + said.expires_in * 1000 });
    return said.user;
  }

  _store(held) {
    const before = this.user?.id;
    this._storage.setItem(this._name, JSON.stringify(held));
    if (before !== held.user?.id) this._tell();
  }

  _forget() { this._storage.removeItem(this._name); this._tell(); }
  _tell() { for (const listener of [...this._listeners]) listener(this.user); }
}

const conditions = ({ ifVersion, ifAbsent } = {}) => ({
  ...(ifVersion !== undefined && { "if-match": `"${ifVersion}"` }),
  ...(ifAbsent && { "if-none-match": "*" }) });
const expiry = ({ ttl } = {}, more = {}) => {
  const query = new URLSearchParams({ ...(ttl !== undefined && { ttl }), ...more }).toString();
  return query && `?${query}`;
};

class Docs {
  constructor(app) { this._app = app; this._live = new Live(app); }

  /** @returns {Promise<Doc|null>} null: there is none */
  async get(path) {
    try { return await this._app.askJson(`/docs/${encodePath(path)}`); }
    catch (error) { if (error.status === 404) return null; throw error; }
  }

  /** Write a whole document. @param {WriteOptions} [how] @returns {Promise<Doc>} */
  set(path, data, how) { return this._write("PUT", path, data, how); }

  /** Put fields into a document that is there. @param {WriteOptions} [how] @returns {Promise<Doc>} */
  update(path, fields, how) { return this._write("PATCH", path, fields, how); }

  /** Put fields into a document, which need not be there yet. @returns {Promise<Doc>} */
  merge(path, fields, how) { return this._write("PATCH", path, fields, how, { create: "true" }); }

  /** Add a document under a new id. @returns {Promise<Doc>} */
  add(collection, data, how) { return this._write("POST", collection, data, how); }

  async delete(path, how) {
    await this._app.ask(`/docs/${encodePath(path)}`, { method: "DELETE", headers: conditions(how) });
  }

  /** @param {Query} query @returns {Promise<{documents: Doc[], after: string}>} */
  query(query) { return this._app.askJson("/docs-query", { method: "POST", ...json(query) }); }

  /** Several writes, all or none: `[{set: "a/1", data: {}}, {delete: "a/2"}]`. */
  commit(writes, reads = {}) {
    return this._app.askJson("/docs-commit", { method: "POST", ...json({ writes, reads }) });
  }

  /**
   * Hear of a document, a collection or a query: at once what there is, then after each change.
   * A broken connection is taken up again where it ended.
   * @param {string|Query} what  "users/1", "rooms/1/messages" or a query
   * @param {(now: Doc|null|Doc[], change: Object|null) => void} listener
   *   for a document the document (null: there is none), else all documents
   * @param {(error: TapwaterError) => void} [failed]  told once, when the server refuses
   * @returns {() => void} stop
   */
  subscribe(what, listener, failed = (error) => { throw error; }) {
    return this._live.begin(new Subscription(what, listener, failed));
  }

  _write(method, path, data, how, more) {
    const sent = json(data);
    return this._app.askJson(`/docs/${encodePath(path)}${expiry(how, more)}`,
      { method, body: sent.body, headers: { ...sent.headers, ...conditions(how) } });
  }
}

class Subscription {
  constructor(what, listener, failed) {
    const { top, ...query } = typeof what === "string" ? { collection: what } : what;
    const isDocument = typeof what === "string" && what.split("/").length % 2 === 0;
    this.asked = isDocument ? { document: what } : { query, ...(top && { top }) };
    this.order = (query.order_by || []).map((name) => name.startsWith("-") ? [name.slice(1), -1] : [name, 1]);
    this.isDocument = isDocument; this.failed = failed; this._listener = listener;
    this.token = ""; this._documents = new Map(); this._begun = false;
  }

  take(said) {
    if (said.token) this.token = said.token;
    if (said.type === "snapshot") {
      if (!this._begun) this._documents.clear();
      this._begun = !said.complete;
      for (const one of said.documents) this._documents.set(one.path, one);
      if (said.complete) this._tell(null);
    } else if (said.type === "removed") {
      if (this._documents.delete(said.path)) this._tell(said);
    } else if (said.document) {
      this._documents.set(said.document.path, said.document);
      this._tell(said);
    }
  }

  _tell(change) {
    const all = [...this._documents.values()];
    if (this.isDocument) return this._listener(all[0] ?? null, change);
    if (this.order.length) all.sort((a, b) => this._compare(a, b));
    this._listener(all, change);
  }

  _compare(a, b) {
    const at = (one, name) => name.split(".").reduce((value, part) => value?.[part], one.data);
    for (const [name, sign] of this.order) {
      const [x, y] = [at(a, name), at(b, name)];
      if (x !== y) return (x === undefined || x < y ? -1 : 1) * sign;
    }
    return a.path < b.path ? -1 : 1;
  }
}

/** One WebSocket for all subscriptions; there only while there are some. */
class Live {
  constructor(app) {
    this._app = app; this._held = new Map(); this._next = 0;
    this._socket = null; this._attempt = 0; this._opening = false; this._quiet = 0;
  }

  begin(subscription) {
    const id = String(++this._next);
    if (!this._held.size) this._stopListening = this._app.auth.onChange(() => this._whoChanged());
    this._held.set(id, subscription);
    if (this._socket?.readyState === WebSocket.OPEN) this._subscribe(id); else this._open();
    return () => this._end(id);
  }

  _end(id) {
    if (!this._held.delete(id)) return;
    if (!this._held.size) { this._stopListening(); this._who = undefined; this._socket?.close(); this._socket = null; }
    else if (this._socket?.readyState === WebSocket.OPEN) this._say({ type: "unsubscribe", id });
  }

  /** Another user sees other documents: everything begins anew. */
  _whoChanged() {
    const who = this._app.auth.user?.id ?? "";
    const same = this._who === undefined || this._who === who;
    this._who = who;
    if (same) return;
    for (const one of this._held.values()) one.token = "";
    this._socket?.close();
  }

  async _open() {
    if (this._opening || this._socket) return;
    this._opening = true;
    try {
      const token = await this._app.auth.token();
      if (!this._held.size) return;
      const protocols = token ? ["tapwater", `tapwater.bearer.${token}`] : ["tapwater"];
      const url = `${this._app.url.replace(/^http/, "ws")}/_/v1/docs-live`;
      const socket = this._socket = new WebSocket(url, protocols);
      socket.onopen = () => { for (const id of this._held.keys()) this._subscribe(id); this._stir(socket); };
      socket.onmessage = (message) => { this._stir(socket); this._hear(JSON.parse(message.data)); };
      socket.onclose = () => this._lost(socket);
    } catch { this._again(); } // No token to be had now: the server may be away.
    finally { this._opening = false; }
  }

  _stir(socket) {
    clearTimeout(this._quiet);
    this._quiet = setTimeout(() => socket.close(), QUIET_MS_MAX);
  }

  _lost(socket) {
    if (this._socket !== socket && this._socket) return;
    clearTimeout(this._quiet);
    this._socket = null;
    this._again();
  }

  async _again() {
    if (!this._held.size) return;
    await wait(backoff(this._attempt++));
    this._open();
  }

  _subscribe(id) {
    const { asked, token } = this._held.get(id);
    this._say({ type: "subscribe", id, ...asked, token });
  }

  _say(message) { this._socket.send(JSON.stringify(message)); }

  _hear(said) {
    const one = this._held.get(said.id);
    if (!one) return;
    this._attempt = 0;
    if (said.type === "error") {
      this._end(said.id);
      one.failed(new TapwaterError(said.detail, said));
    } else if (said.type === "closed") {
      one.token = said.token; // We were too slow: go on from there.
      this._subscribe(said.id);
    } else one.take(said);
  }
}

class Blobs {
  constructor(app) { this._app = app; }

  /**
   * Store a file. A large one goes in parts, and a part that fails goes again.
   * @param {string} bucket @param {string} key @param {Blob|string|ArrayBuffer} content
   * @param {{type?: string, metadata?: Object<string, string>, signal?: AbortSignal,
   *   onProgress?: (sent: number, total: number) => void}} [how]
   * @returns {Promise<Facts>}
   */
  async upload(bucket, key, content, { type, metadata = {}, signal, onProgress = () => {} } = {}) {
    const file = content instanceof Blob ? content : new Blob([content]);
    const about = { content_type: type || file.type || "application/octet-stream", metadata };
    if (file.size > PART_BYTES) return this._inParts(bucket, key, file, about, signal, onProgress);
    const headers = { "content-type": about.content_type };
    if (Object.keys(metadata).length) headers["tapwater-metadata"] = ascii(metadata);
    return this._put(this._path(bucket, key), file, headers, signal, (sent) => onProgress(sent, file.size));
  }

  /** @returns {Promise<Blob>} */
  async download(bucket, key, { signal } = {}) {
    return (await this._app.ask(this._path(bucket, key), { signal })).blob();
  }

  /** @returns {Promise<Facts>} */
  facts(bucket, key) { return this._app.askJson(`${this._path(bucket, key)}?facts=true`); }

  /** @param {{prefix?: string, delimiter?: string, limit?: number, page?: string}} [how] */
  list(bucket, how = {}) {
    return this._app.askJson(`/blobs/${encodeURIComponent(bucket)}?${new URLSearchParams(how)}`);
  }

  async delete(bucket, key) { await this._app.ask(this._path(bucket, key), { method: "DELETE" }); }

  /** A URL with which anyone may read (or PUT) for a while; only with a token of the app's own. */
  async sign(bucket, key, how = {}) {
    const body = json({ bucket, key, ...how });
    return (await this._app.askJson("/blobs/-/sign", { method: "POST", ...body })).url;
  }

  _path(bucket, key) { return `/blobs/${encodeURIComponent(bucket)}/${encodePath(key)}`; }

  async _inParts(bucket, key, file, about, signal, onProgress) {
    const begun = await this._app.askJson(
      "/blobs/-/uploads", { method: "POST", signal, ...json({ bucket, key, about }) });
    const path = `/blobs/-/uploads/${begun.upload}`;
    try {
      for (let start = 0, number = 1; start < file.size; start += PART_BYTES, number++) {
        const part = file.slice(start, start + PART_BYTES);
        await this._part(`${path}/${number}`, part, signal, (sent) => onProgress(start + sent, file.size));
      }
      return await this._app.askJson(path, { method: "POST", signal, ...json({}) });
    } catch (error) {
      this._app.ask(path, { method: "DELETE" }).catch(() => {}); // Swept by the server otherwise.
      throw error;
    }
  }

  async _part(path, part, signal, onProgress) {
    for (let attempt = 0; ; attempt++) {
      try { return await this._put(path, part, {}, signal, onProgress); }
      catch (error) {
        const passing = error.code === "unreachable" || error.status >= 500;
        if (!passing || attempt + 1 >= PART_TRIES) throw error;
        await wait(backoff(attempt));
      }
    }
  }

  /** With XMLHttpRequest: fetch cannot say how far an upload is. */
  async _put(path, body, headers, signal, onProgress) {
    const token = await this._app.auth.token();
    return new Promise((done, failed) => {
      const request = new XMLHttpRequest();
      request.open("PUT", `${this._app.url}/_/v1${path}`);
      if (token) request.setRequestHeader("authorization", `Bearer ${token}`);
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      request.upload.onprogress = (event) => onProgress(event.loaded);
      request.onload = () => request.status < 400
        ? done(JSON.parse(request.responseText)) : failed(refused(request.status, request.responseText));
      request.onerror = () => failed(unreachable("the upload broke off"));
      request.onabort = () => failed(new DOMException("The upload was aborted.", "AbortError"));
      if (signal?.aborted) return request.onabort();
      signal?.addEventListener("abort", () => request.abort(), { once: true });
      request.send(body);
    });
  }
}

const ascii = (value) => JSON.stringify(value).replace(
  /[\u0080-\uffff]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`);

class Events {
  constructor(app) { this._app = app; }

  /** Publish a CloudEvent; only with a token of the app's own. @returns {Promise<Object>} */
  publish(type, data, { source = "/browser", id = crypto.randomUUID(), subject } = {}) {
    const event = { specversion: "1.0", id, source, type, data, ...(subject && { subject }) };
    return this._app.askJson("/events", { method: "POST", body: JSON.stringify(event),
      headers: { "content-type": "application/cloudevents+json" } });
  }
}
