// The small parts of pages: headings, cards, numbers, badges, what stands where there is nothing.

import { a, append, fresh, h, replace } from "./dom.js";
import { ago, time } from "./format.js";
import { icon } from "./icons.js";

/** The head of a page. `crumbs`: [["Apps", "apps"], …]; `actions`: elements on the right. */
export function head(title, { crumbs = [], actions = [], says = null, mark = null } = {}) {
  const trail = crumbs.length
    ? h("nav", { class: "crumbs", "aria-label": "Where this is" },
        h("ol", {}, crumbs.map(([text, to]) => h("li", {}, a(to, text)))))
    : null;
  return h("div", { class: "head" },
    h("div", { class: "head-text" }, trail, h("h1", { tabindex: "-1" }, title, mark ? [" ", mark] : null), says ? h("p", { class: "says" }, says) : null),
    actions.length ? h("div", { class: "actions" }, actions) : null);
}

/** A box with a heading. Options: `says`, `actions`, `wide`, `flush` (no padding: for tables). */
export function card(title, options, ...children) {
  if (options instanceof Node || typeof options !== "object" || Array.isArray(options) || options === null) {
    children = [options, ...children];
    options = {};
  }
  const { says, actions = [], flush = false, wide = false, kind = "" } = options;
  const id = fresh("card");
  const top = title
    ? h("div", { class: "card-head" },
        h("div", {}, h("h2", { id }, title), says ? h("p", { class: "says" }, says) : null),
        actions.length ? h("div", { class: "actions" }, actions) : null)
    : null;
  const body = h("div", { class: flush ? "card-body flush" : "card-body" }, children);
  return h("section", { class: ["card", wide ? "wide" : "", kind].filter(Boolean).join(" "), "aria-labelledby": title ? id : null }, top, body);
}

/** A button. Options: `on` (what it does), `kind` (primary, danger, quiet), `icon`, `title`, `disabled`, `type`, `small`. */
export function button(text, { on, kind = "", icon: name, title, disabled, type = "button", small = false } = {}) {
  const classes = ["button", kind, small ? "small" : "", text ? "" : "bare"].filter(Boolean).join(" ");
  return h("button", { type, class: classes, disabled, title, "aria-label": text ? null : title, on: on ? { click: on } : {} },
    name ? icon(name) : null, text ? h("span", {}, text) : null);
}

/** A short word on a coloured ground: kind is ok, warn, bad, info or nothing. */
export function badge(text, kind = "") {
  return h("span", { class: `badge ${kind}` }, text);
}

const ENDINGS = {
  ok: ["ok", "ok"],
  user_error: ["error", "bad"],
  error_answer: ["answered 500", "bad"],
  timed_out: ["timed out", "bad"],
  crashed: ["crashed", "bad"],
  out_of_memory: ["out of memory", "bad"],
  overloaded: ["overloaded", "warn"],
  start_failed: ["start failed", "bad"],
  cancelled: ["cancelled", "info"],
  broken: ["broken", "bad"],
  budget_exhausted: ["over budget", "warn"],
  budget_slowed: ["slowed", "warn"],
};

/** How an invocation ended, as a badge. */
export function ending(name) {
  const [text, kind] = ENDINGS[name] ?? [name, ""];
  return badge(text, kind);
}

/** One number with what it is. Options: `unit`, `says` (below), `kind` (bad, warn), `chart` (a spark), `to` (a page). */
export function stat(label, value, { says = "", kind = "", chart = null, to = null } = {}) {
  const number = h("dd", { class: `stat-value ${kind}` }, value);
  const below = says || chart ? h("dd", { class: "stat-says" }, says, chart) : null;
  return h("div", { class: "stat" }, h("dt", {}, to ? a(to, label) : label), number, below);
}

/** Several of them beside each other. */
export function stats(...items) {
  return h("dl", { class: "stats" }, items);
}

/** Names and values below each other: [["Revision", "r3"], …]; null values are left out. */
export function kv(pairs) {
  const rows = pairs
    .filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)));
  return h("dl", { class: "kv" }, rows);
}

/** A time: how long ago, and exactly when one points at it. */
export function stamp(at, { exact = false } = {}) {
  if (typeof at !== "number") return h("span", {}, "–");
  const iso = new Date(at * 1000).toISOString();
  return h("time", { datetime: iso, title: time(at, { exact: true }) }, exact ? time(at) : ago(at));
}

/** Text of a machine, with a button to copy it. */
export function code(text, { label = "Code", copyable = true, numbered = false } = {}) {
  const lines = String(text).replace(/\n$/, "").split("\n");
  const body = numbered ? lines.map((line) => h("span", { class: "line" }, `${line}\n`)) : text;
  const pre = h("pre", { tabindex: "0", role: "group", "aria-label": label, class: numbered ? "numbered" : "" }, h("code", {}, body));
  return h("div", { class: "code" }, pre, copyable ? copy(text) : null);
}

/** A button that copies a text. */
export function copy(text, { title = "Copy" } = {}) {
  const made = button("", { icon: "copy", kind: "quiet", small: true, title, on: async () => {
    await navigator.clipboard.writeText(text);
    replace(made, icon("check"));
    setTimeout(() => replace(made, icon("copy")), 1500);
  } });
  made.classList.add("copy");
  return made;
}

/** A value of JSON, readable. */
export function json(value, { label = "JSON" } = {}) {
  return code(JSON.stringify(value, null, 2) ?? "null", { label });
}

/** What stands where there is nothing yet: what it is, and what to do. */
export function empty(title, says, { command = null, action = null, icon: name = null } = {}) {
  return h("div", { class: "empty" }, name ? icon(name) : null, h("p", { class: "empty-title" }, title), says ? h("p", {}, says) : null,
    command ? code(command, { label: "Command" }) : null, action);
}

/** Grey bars while something is loaded. */
export function skeleton(lines = 4) {
  return h("div", { class: "skeleton", "aria-busy": "true", "aria-label": "Loading" },
    Array.from({ length: lines }, () => h("span", {})));
}

/** An error, with what the server said of it. `again`: try once more. */
export function problem(error, { again = null } = {}) {
  const fields = (error.problems ?? []).map((one) => h("li", {}, h("b", {}, one.where), ` ${one.what}`));
  return h("div", { class: "problem", role: "alert" }, icon("errors"),
    h("div", {}, h("p", { class: "problem-title" }, error.title ?? "Something went wrong"), h("p", {}, error.detail ?? error.message ?? String(error)),
      fields.length ? h("ul", {}, fields) : null,
      again ? button("Try again", { on: again, small: true }) : null));
}

/** A sentence to heed: kind is info, warn or bad. */
export function note(kind, ...children) {
  return h("div", { class: `note ${kind}` }, children);
}

/** How much of something is used: `value` of `most`, with the words for it. */
export function meter(value, most, says) {
  const share = most > 0 ? Math.min(1, value / most) : 0;
  const kind = share >= 1 ? "bad" : share >= 0.8 ? "warn" : "";
  const bar = h("span", {});
  bar.style.setProperty("width", `${(share * 100).toFixed(1)}%`);
  return h("div", { class: `meter ${kind}`, role: "meter", "aria-valuemin": "0", "aria-valuemax": String(most), "aria-valuenow": String(Math.min(value, most)), "aria-label": says }, bar);
}

/** One of a few choices, as a row of buttons: [["1h", "1 hour"], …]. */
export function chips(label, choices, chosen, choose) {
  const buttons = choices.map(([value, text]) =>
    h("button", { type: "button", class: "chip", "aria-pressed": String(value === chosen), on: { click: () => {
      for (const [at, one] of choices.entries()) buttons[at].setAttribute("aria-pressed", String(one[0] === value));
      choose(value);
    } } }, text));
  return h("div", { class: "chips", role: "group", "aria-label": label }, buttons);
}

/** Tabs: [{id, title, open: (panel) => …}, …]. A panel is made when it is first opened. `changed` hears the id. */
export function tabs(items, { chosen = items[0]?.id, label = "Parts", changed = null } = {}) {
  const group = fresh("tabs");
  const panel = (item) => h("div", { role: "tabpanel", id: `${group}-${item.id}`, "aria-labelledby": `${group}-${item.id}-tab`, hidden: true, tabindex: "0" });
  const panels = items.map(panel);
  const buttons = items.map((item, at) =>
    h("button", { type: "button", role: "tab", id: `${group}-${item.id}-tab`, "aria-controls": `${group}-${item.id}`, on: { click: () => show(at), keydown: (event) => walk(event, at) } }, item.title));
  const opened = new Set();

  function show(at) {
    buttons.forEach((one, i) => {
      one.setAttribute("aria-selected", String(i === at));
      one.tabIndex = i === at ? 0 : -1;
      panels[i].hidden = i !== at;
    });
    if (!opened.has(at)) {
      opened.add(at);
      items[at].open(panels[at]);
    }
    changed?.(items[at].id);
  }

  function walk(event, at) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = (at + step + items.length) % items.length;
    show(next);
    buttons[next].focus();
  }

  const made = h("div", { class: "tabs" }, h("div", { role: "tablist", "aria-label": label }, buttons), panels);
  show(Math.max(0, items.findIndex((item) => item.id === chosen)));
  return append(made);
}
