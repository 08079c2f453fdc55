// The keyboard: g and a letter goes to a page, / opens the palette, ? says which keys there are.

import { NAV } from "./routes.js";
import { append, dialog, fresh, h, icon, path, replace } from "./ui.js";

const CHORD_MS = 1200;
const SHOWN_MAX = 12;
const ASKED_MAX = 100; // Apps whose functions are found by name; of more, their own page lists them.

export class Keys {
  constructor({ go, api, session }) {
    this._go = go;
    this._api = api;
    this._session = session;
    this._chord = 0;
    document.addEventListener("keydown", (event) => this._pressed(event));
    document.addEventListener("tapwater:keys", () => this.help());
    document.addEventListener("click", (event) => {
      if (event.target instanceof Element && event.target.closest("[data-opens=palette]")) this.palette();
    });
  }

  _pressed(event) {
    if (!this._session()?.signed_in || event.altKey) return;
    if ((event.metaKey || event.ctrlKey) && event.key === "k") {
      event.preventDefault();
      this.palette();
      return;
    }
    if (event.metaKey || event.ctrlKey || typing(event.target) || document.querySelector("dialog[open]")) return;
    if (event.timeStamp < this._chord) {
      this._chord = 0;
      const page = NAV.flatMap(([, pages]) => pages).find((one) => one[3] === event.key);
      if (page) {
        event.preventDefault();
        this._go(page[0]);
      }
      return;
    }
    if (event.key === "g") this._chord = event.timeStamp + CHORD_MS;
    else if (event.key === "/") {
      event.preventDefault();
      const own = document.querySelector("#main input[type=search]");
      if (own && event.shiftKey) own.focus();
      else this.palette();
    } else if (event.key === "?") this.help();
  }

  /** Say which keys there are. */
  help() {
    const row = (keys, text) => h("div", {}, h("dt", {}, keys.map((key) => h("kbd", {}, key))), h("dd", {}, text));
    dialog("Keys", (body) => {
      append(body, h("dl", { class: "keys" },
        row(["/"], "Go to a page, an app or a function"),
        row(["?"], "This list"),
        NAV.flatMap(([, pages]) => pages).map(([, text, , key]) => row(["g", key], text))));
    });
  }

  /** Open the palette: every page, app and function by a few letters of its name. */
  async palette() {
    if (document.querySelector("dialog[open]")) return;
    let places = pages();
    let found = [];
    let at = 0;
    const list = h("ul", { role: "listbox", id: fresh("found"), "aria-label": "Found" });
    const input = h("input", { type: "search", role: "combobox", "aria-expanded": "true", "aria-controls": list.id, "aria-autocomplete": "list", "aria-label": "Go to a page, app or function", placeholder: "Page, app, function, or the id of an invocation", spellcheck: "false", autocomplete: "off" });
    const box = dialog("Go to", (body) => append(body, h("div", { class: "palette" }, input, list)));
    box.el.classList.add("palette-dialog");
    input.focus();

    const open = (place) => {
      if (!place) return;
      box.close();
      this._go(place.to);
    };
    const mark = () => {
      for (const [i, item] of [...list.children].entries()) item.setAttribute("aria-selected", String(i === at));
      const chosen = list.children[at];
      input.setAttribute("aria-activedescendant", chosen?.id ?? "");
      chosen?.scrollIntoView({ block: "nearest" });
    };
    const look = () => {
      found = [...matching(places, input.value), ...byId(input.value)].slice(0, SHOWN_MAX);
      at = 0;
      replace(list, found.map((place) => h("li", { role: "option", id: fresh("place"), on: { click: () => open(place) } },
        icon(place.icon), h("span", {}, place.text), place.within ? h("small", {}, place.within) : null)));
      if (!found.length) replace(list, h("li", { class: "none" }, "Nothing has this name."));
      mark();
    };
    input.addEventListener("input", look);
    input.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step && found.length) {
        event.preventDefault();
        at = (at + step + found.length) % found.length;
        mark();
      } else if (event.key === "Enter") {
        event.preventDefault();
        open(found[at]);
      }
    });
    look();
    try {
      places = [...places, ...(await this._deployed())];
      look();
    } catch (error) {
      if (error.status !== 401) append(list, h("li", { class: "none" }, "Apps could not be listed."));
    }
  }

  async _deployed() {
    const { apps } = await this._api.get("/apps");
    const details = await Promise.all(apps.slice(0, ASKED_MAX).map((app) => this._api.get(`/${path("apps", app.name)}`)));
    return [
      ...apps.map((app) => ({ text: app.name, to: path("apps", app.name), icon: "apps", within: "app" })),
      ...details.flatMap((app) => app.revision.functions.map((one) => ({ text: one.name, to: path("apps", app.name, "functions", one.name), icon: "function", within: app.name }))),
    ];
  }
}

function pages() {
  return NAV.flatMap(([, all]) => all).map(([to, text, name]) => ({ text, to, icon: name, within: "" }));
}

/** Those that have all letters in this order; where they stand together and early comes first. */
export function matching(places, wanted) {
  const letters = wanted.trim().toLowerCase();
  if (!letters) return places;
  const scored = places.map((place) => ({ place, score: score(`${place.text} ${place.within}`.toLowerCase(), letters) }));
  return scored.filter((one) => one.score < Infinity).sort((one, other) => one.score - other.score).map((one) => one.place);
}

function score(text, letters) {
  const whole = text.indexOf(letters);
  if (whole >= 0) return whole;
  let at = -1;
  let gaps = 100;
  for (const letter of letters) {
    const next = text.indexOf(letter, at + 1);
    if (next < 0) return Infinity;
    gaps += next - at - 1;
    at = next;
  }
  return gaps;
}

function byId(text) {
  const id = text.trim();
  if (!/^[A-Za-z0-9_-]{12,64}$/.test(id)) return [];
  const kind = /^[0-9a-f]{32}$/.test(id) ? "traces" : "invocations";
  return [{ text: id, to: path(kind, id), icon: kind, within: kind === "traces" ? "trace" : "invocation" }];
}

function typing(target) {
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable]") !== null;
}
