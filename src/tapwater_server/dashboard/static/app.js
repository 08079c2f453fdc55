// The dashboard: who is signed in, which page is open, and what surrounds it.
//
// A page is a module in pages/ that exports `title` (a text, or params => text) and
// `async function open({el, params, query, api, live, go, signal, session, setQuery})`:
//   el        what it fills: it is empty, and shows a skeleton until the page puts something in
//   params    the named parts of its path; query: URLSearchParams of the address
//   api       see api.js; reading ends with the page
//   live      see live.js: live.ticks({app}, told, signal), live.every(seconds, step, signal)
//   go        go("apps/shop", {tab: "deploys"}) opens another page
//   setQuery  setQuery({level: "error"}) writes the address anew without opening anything
//   session   {name, admin, apps, …}: who is signed in
//   guard     guard(dirty): nobody leaves unasked while dirty() is true
//   signal    is aborted when the page is left: pass it to addEventListener and live

import { Api } from "./api.js";
import { Live } from "./live.js";
import { find } from "./routes.js";
import { Frame } from "./frame.js";
import { Keys } from "./keys.js";
import { append, confirm, dialog, h, href, problem, replace, skeleton, toast } from "./ui.js";
import { typed } from "./ui/typed.js";
import { signIn, ways } from "./signin.js";

const ROOT = "/_/";

class App {
  constructor() {
    this.session = null;
    this.live = new Live((state) => this.frame.liveness(state));
    this.frame = new Frame({ go: (to, query) => this.go(to, query), signOut: (everywhere) => this.signOut(everywhere) });
    this.keys = new Keys({ go: (to) => this.go(to), api: new Api(), session: () => this.session });
    this._leaving = new AbortController();
    this._dirty = null; // Says whether the page has what is not saved.
    this._at = ""; // The address of the page that is open.
    this._asking = false; // Somebody signs in again above their page.
  }

  async start() {
    document.addEventListener("click", (event) => this._clicked(event));
    window.addEventListener("popstate", () => this._wentBack());
    window.addEventListener("pageshow", (event) => {
      if (event.persisted) this.greet(); // Out of the browser's memory: who was signed in then may be no more.
    });
    window.addEventListener("tapwater:signed-out", () => this._signedOut());
    await this.greet();
  }

  /** Ask who is signed in, and show the page or the way in. */
  async greet() {
    const code = takeCode();
    const api = new Api();
    try {
      this.session = await api.get("/_/session");
      // A link can be anybody's: it never takes the place of who is signed in.
      if (code && this.session.signed_in) toast(`You are signed in as ${this.session.name} already: the link was not used.`, "warn");
      else if (code) this.session = await api.post("/_/session", { code });
    } catch (error) {
      this.session = { ...(this.session ?? {}), signed_in: false, failed: error };
    }
    if (this.session.signed_in) {
      this.frame.enter(this.session);
      await this.show({ moved: false });
    } else this._door();
  }

  _door() {
    this._leaving.abort();
    this.live.stop();
    this.frame.leave();
    document.title = "Sign in · Tapwater";
    signIn(document.querySelector("#door"), this.session, (session) => {
      this.session = session;
      this.frame.enter(session);
      this.show({ moved: true });
    });
  }

  async signOut(everywhere = false) {
    try {
      await new Api().delete("/_/session", everywhere ? { everywhere: "true" } : {});
    } catch (error) {
      toast(error.detail ?? error.message, "bad"); // The cookie is as good as before.
      return;
    }
    this._signedOut(everywhere ? "You are signed out, on every browser." : "You are signed out.");
  }

  _signedOut(says = null) {
    if (!this.session?.signed_in || this._asking) return;
    if (!says && typed()) {
      this._askAgain();
      return;
    }
    this.session = { ...this.session, signed_in: false, says: says ?? "Your session has ended. Sign in again to go on." };
    this._door();
  }

  /** The session has ended while somebody typed: they sign in above their page, which stays as it is. */
  _askAgain() {
    this._asking = true;
    let came = null;
    const box = dialog("Your session has ended", (body, close) => {
      append(body, h("p", {}, "Sign in again: what you have typed is still there."), ways((session) => {
        came = session;
        close();
      }));
    }, { closed: () => {
      this._asking = false;
      this._cameAgain(came);
    } });
    box.el.classList.add("door-dialog");
  }

  _cameAgain(session) {
    if (!session) {
      this._signedOut("Your session has ended. Sign in again to go on.");
      return;
    }
    const same = session.name === this.session.name && session.admin === this.session.admin;
    this.session = session;
    this.frame.enter(session);
    if (same) {
      this.frame.mark(location.pathname.slice(ROOT.length));
      toast("You are signed in again. What was not sent is still there: send it once more.");
      return;
    }
    for (const open of document.querySelectorAll("dialog")) open.close();
    this.show({ moved: true });
  }

  /** Whether the page may be left: somebody who has not saved is asked. */
  async _mayLeave() {
    if (!this._dirty?.()) return true;
    return confirm("Leave without saving?", "What you have changed here is not saved.", { ok: "Leave it" });
  }

  async _wentBack() {
    if (!this._dirty?.()) {
      await this.show({ moved: false });
      return;
    }
    const wanted = location.pathname + location.search;
    history.pushState(null, "", this._at); // The address stays that of what is seen.
    if (!(await this._mayLeave())) return;
    this._dirty = null;
    await this.go(wanted);
  }

  async go(to, query) {
    if (!(await this._mayLeave())) return;
    const url = to.startsWith(ROOT) ? to : href(to, query);
    if (url !== location.pathname + location.search) history.pushState(null, "", url);
    await this.show({ moved: true });
  }

  setQuery(values) {
    const query = new URLSearchParams(location.search);
    for (const [name, value] of Object.entries(values)) {
      if (value === null || value === undefined || value === "") query.delete(name);
      else query.set(name, value);
    }
    const text = query.toString();
    history.replaceState(null, "", location.pathname + (text ? `?${text}` : ""));
  }

  /** Open the page of the present address. */
  async show({ moved }) {
    if (!this.session?.signed_in) return;
    this._leaving.abort();
    const leaving = new AbortController();
    this._leaving = leaving;
    this._dirty = null;
    this._at = location.pathname + location.search;
    const main = document.querySelector("#main");
    const below = location.pathname.slice(ROOT.length);
    this.frame.mark(below);
    const found = safely(() => find(below)) ?? { page: "missing", params: {} };
    const el = document.createElement("div");
    el.className = `page page-${found.page}`;
    const waiting = setTimeout(() => replace(main, skeleton(6)), 120); // Most are there before.
    let failed = null;
    let page = {};
    try {
      page = await import(`./pages/${found.page}.js`);
      if (leaving.signal.aborted) return;
      document.title = `${titleOf(page, found.params)} · Tapwater`;
      await page.open({ el, params: found.params, query: new URLSearchParams(location.search), api: new Api(leaving.signal), live: this.live,
        go: (to, query) => this.go(to, query), setQuery: (values) => this.setQuery(values), guard: (dirty) => { this._dirty = dirty; }, session: this.session, signal: leaving.signal });
    } catch (error) {
      failed = error;
    } finally {
      clearTimeout(waiting);
    }
    if (leaving.signal.aborted || !this.session.signed_in) return;
    if (failed) this._failed(el, failed);
    replace(main, el);
    if (moved) this._settle(main);
  }

  _failed(el, error) {
    if (!error.status && error.status !== 0) console.error(error);
    const missing = error.status === 404;
    replace(el, problem(missing ? { title: "Not found", detail: error.detail } : error, { again: () => this.show({ moved: false }) }));
  }

  /** After a move the page's heading has the focus, as after a load: screen readers read it. */
  _settle(main) {
    window.scrollTo(0, 0);
    (main.querySelector("h1") ?? main).focus({ preventScroll: true });
  }

  _clicked(event) {
    const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
    if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    if (link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
    if (!link.pathname.startsWith(ROOT) || /^\/_\/(api|v1|static|metrics)(\/|$)/.test(link.pathname) || (link.hash && link.pathname === location.pathname)) return;
    event.preventDefault();
    this.go(link.pathname + link.search);
  }
}

function titleOf(page, params) {
  return typeof page.title === "function" ? page.title(params) : (page.title ?? "Page");
}

function safely(step) {
  try {
    return step();
  } catch {
    return null; // A path that does not decode is a page that is not there.
  }
}

/** Take a sign-in code out of the address: it stands behind the #, so that it reached no log. */
function takeCode() {
  const code = /^#code=([A-Za-z0-9_-]+)$/.exec(location.hash)?.[1] ?? null;
  if (code) history.replaceState(null, "", location.pathname + location.search);
  return code;
}

new App().start();
