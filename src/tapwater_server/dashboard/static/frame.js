// What surrounds every page: navigation, the bar with search, theme and account, warnings.

import { NAV, THUMB } from "./routes.js";
import { a, append, button, dialog, h, icon, note, replace } from "./ui.js";

const THEMES = { auto: "As the system", light: "Light", dark: "Dark" };
const LIVENESS = { live: "Live", waiting: "Connecting again", resting: "Paused" };

export class Frame {
  constructor({ go, signOut }) {
    this._go = go;
    this._signOut = signOut;
    this._shell = document.querySelector("#shell");
    this._door = document.querySelector("#door");
    this._live = h("span", { class: "liveness", hidden: true });
  }

  /** Somebody is signed in. */
  enter(session) {
    this._door.hidden = true;
    replace(this._door);
    this._shell.hidden = false;
    replace(document.querySelector("#nav"), brand(), groups(), foot(session, () => this._account(session)));
    replace(document.querySelector("#bar"), this._bar(session));
    replace(document.querySelector("#thumb"), thumbs(() => this._more(session)));
    replace(document.querySelector("#banners"), session.shared ? shared(session) : null);
  }

  /** Nobody is. */
  leave() {
    this._shell.hidden = true;
    for (const id of ["#nav", "#bar", "#thumb", "#banners", "#main"]) replace(document.querySelector(id));
    for (const open of document.querySelectorAll("dialog")) open.close();
    this._door.hidden = false;
  }

  /** Show which page is open. */
  mark(below) {
    const first = below.split("/")[0];
    for (const link of document.querySelectorAll("#nav a[data-to], #thumb a[data-to]")) {
      if (link.dataset.to === first) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    this._live.hidden = true;
  }

  /** Say whether what is shown goes on by itself: live, waiting, resting. */
  liveness(state) {
    this._live.hidden = false;
    if (this._live.dataset.state === state) return;
    this._live.dataset.state = state;
    replace(this._live, h("i", {}), LIVENESS[state]);
  }

  _bar(session) {
    const find = h("button", { type: "button", class: "find", data: { opens: "palette" } }, icon("search"), h("span", {}, "Go to…"), h("kbd", { "aria-hidden": "true" }, "/"));
    return [
      a("", { class: "bar-brand", "aria-label": "Overview" }, drop()),
      find,
      h("div", { class: "bar-end" }, this._live,
        button("", { icon: dark() ? "sun" : "moon", kind: "quiet", title: "Light or dark", on: (event) => this._theme(event.currentTarget) }),
        button("", { icon: "help", kind: "quiet", title: "Keys (?)", on: () => document.dispatchEvent(new CustomEvent("tapwater:keys")) }),
        h("button", { type: "button", class: "who", "aria-haspopup": "dialog", "aria-label": `Account of ${session.name}`, on: { click: () => this._account(session) } }, initials(session.name))),
    ];
  }

  _theme(toggle) {
    choose(dark() ? "light" : "dark");
    replace(toggle, icon(dark() ? "sun" : "moon"));
  }

  _account(session) {
    dialog("Signed in", (body, close) => {
      const apps = session.admin ? "every app of this node" : (session.apps ?? []).join(", ");
      const theme = h("div", { class: "chips", role: "group", "aria-label": "Theme" }, Object.entries(THEMES).map(([name, text]) =>
        h("button", { type: "button", class: "chip", "aria-pressed": String(name === chosen()), on: { click: (event) => {
          choose(name);
          for (const one of theme.children) one.setAttribute("aria-pressed", String(one === event.currentTarget));
        } } }, text)));
      append(body,
        h("dl", { class: "kv" },
          h("div", {}, h("dt", {}, "Name"), h("dd", {}, session.name)),
          h("div", {}, h("dt", {}, "May change"), h("dd", {}, apps)),
          h("div", {}, h("dt", {}, "Theme"), h("dd", {}, theme))),
        h("div", { class: "form-end" }, button("Sign out everywhere", { kind: "quiet", title: "End your sessions on all browsers", on: () => {
          close();
          this._signOut(true);
        } }), button("Sign out", { icon: "out", on: () => {
          close();
          this._signOut(false);
        } })));
    });
  }

  _more(session) {
    const sheet = dialog("Pages", (body, close) => {
      const made = h("nav", { class: "sheet", "aria-label": "All pages" }, groups(), foot(session, () => {
        close();
        this._account(session);
      }));
      made.addEventListener("click", (event) => {
        if (event.target instanceof Element && event.target.closest("a")) close();
      });
      append(body, made);
    });
    sheet.el.classList.add("from-below");
  }
}

function drop() {
  return h("img", { src: "/_/static/icon.svg", alt: "", width: "24", height: "24" });
}

function brand() {
  return a("", { class: "brand", "aria-label": "Tapwater: overview" }, drop(), h("span", {}, "Tapwater"));
}

function groups() {
  return h("div", { class: "nav-groups" }, NAV.map(([heading, pages]) =>
    h("div", { class: "nav-group" }, heading ? h("p", { class: "nav-heading" }, heading) : null,
      h("ul", {}, pages.map(([to, text, name]) => h("li", {}, a(to, { data: { to } }, icon(name), h("span", {}, text))))))));
}

function foot(session, open) {
  return h("button", { type: "button", class: "nav-foot", on: { click: open } },
    h("span", { class: "who", "aria-hidden": "true" }, initials(session.name)),
    h("span", { class: "nav-foot-text" }, h("b", {}, session.name), h("small", {}, session.admin ? "Admin" : (session.apps ?? []).join(", "))));
}

function thumbs(more) {
  const all = new Map(NAV.flatMap(([, pages]) => pages).map((page) => [page[0], page]));
  return h("ul", {},
    THUMB.map((to) => h("li", {}, a(to, { data: { to } }, icon(all.get(to)[2]), h("span", {}, all.get(to)[1])))),
    h("li", {}, h("button", { type: "button", "aria-haspopup": "dialog", on: { click: more } }, icon("more"), h("span", {}, "More"))));
}

function shared(session) {
  return note("warn", h("b", {}, "This page shares its address with an app. "),
    `Code of ${session.shared_with || "the app"} could act in your name while you are signed in. Set dashboard_host to give the dashboard a host of its own.`);
}

function initials(name) {
  return (name ?? "?").replace(/@.*/, "").split(/[\s._-]+/).map((part) => part[0] ?? "").join("").slice(0, 2).toUpperCase() || "?";
}

function chosen() {
  return document.documentElement.dataset.theme ?? "auto";
}

function dark() {
  return chosen() === "auto" ? matchMedia("(prefers-color-scheme: dark)").matches : chosen() === "dark";
}

function choose(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === "auto") localStorage.removeItem("tapwater.theme");
    else localStorage.setItem("tapwater.theme", theme);
  } catch {
    return; // Storage can be forbidden: the choice holds until the page is closed.
  }
}
