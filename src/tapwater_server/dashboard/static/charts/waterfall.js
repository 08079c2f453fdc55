// What one trace did when: a row for each span, below the one that caused it.

import { a, append, h, path } from "../ui/dom.js";
import { ms } from "../ui/format.js";

const KINDS = { invocation: "c1", queue: "c6", start: "c3", handler: "c4", ask: "c2", call: "c1", event: "c5", delivery: "c5", mail: "c5", user: "c4" };

/** spans: [{id, parent, name, kind, at, took_ms, app, function, invocation, ok, facts}, …]. A row opens to its facts. */
export function waterfall(spans, { label = "Spans of this trace" } = {}) {
  const rows = ordered(spans);
  const from = Math.min(...spans.map((span) => span.at));
  const until = Math.max(...spans.map((span) => span.at + span.took_ms / 1000));
  const whole = Math.max(1e-6, until - from);
  const scale = h("div", { class: "fall-scale", "aria-hidden": "true" }, h("span", {}, "Span"),
    h("div", {}, [0, 0.25, 0.5, 0.75, 1].map((share) => h("span", {}, ms(whole * share * 1000)))), h("span", { class: "fall-took" }, "Took"));
  return h("div", { class: "waterfall", role: "group", "aria-label": label }, scale, rows.map(({ span, depth }) => row(span, depth, from, whole)));
}

function row(span, depth, from, whole) {
  const kind = KINDS[span.kind] ?? "c6";
  const bar = h("span", { class: span.ok === false ? `fall-bar wrong-one ${kind}` : `fall-bar ${kind}` });
  bar.style.setProperty("left", `${Math.min(99.6, ((span.at - from) / whole) * 100)}%`);
  bar.style.setProperty("width", `${Math.min(100, (span.took_ms / 1000 / whole) * 100)}%`);
  const name = h("span", { class: `fall-name ${kind}` }, h("i", {}), h("span", {}, span.name));
  name.style.setProperty("padding-left", `${Math.min(depth, 12) * 14}px`);
  const facts = h("div", { class: "fall-facts", hidden: true });
  const made = h("button", { type: "button", class: "fall", "aria-expanded": "false", on: { click: () => {
    const open = made.getAttribute("aria-expanded") !== "true";
    made.setAttribute("aria-expanded", String(open));
    facts.hidden = !open;
    if (open && !facts.childElementCount) append(facts, told(span));
  } } }, name, h("span", { class: "fall-track", "aria-hidden": "true" }, bar), h("span", { class: "fall-took" }, ms(span.took_ms)));
  return [made, facts];
}

function told(span) {
  const facts = Object.entries(span.facts ?? {}).map(([name, value]) => [name, String(value)]);
  const pairs = [
    ["Kind", span.kind],
    ["Ended", span.ok === false ? "with an error" : "well"],
    span.function ? ["Function", a(path("apps", span.app, "functions", span.function), `${span.app} · ${span.function}`)] : null,
    span.invocation ? ["Invocation", a(path("invocations", span.invocation), span.invocation)] : null,
    ...facts,
  ].filter(Boolean);
  return h("dl", { class: "kv" }, pairs.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

/** Children below their parents, by time; what has no parent here is a root. */
function ordered(spans) {
  const known = new Set(spans.map((span) => span.id));
  const below = Map.groupBy(spans, (span) => (known.has(span.parent) && span.parent !== span.id ? span.parent : ""));
  const found = [];
  const seen = new Set();
  const walk = (parent, depth) => {
    for (const span of (below.get(parent) ?? []).toSorted((one, other) => one.at - other.at)) {
      if (seen.has(span)) continue;
      seen.add(span);
      found.push({ span, depth });
      walk(span.id, depth + 1);
    }
  };
  walk("", 0);
  for (const span of spans) if (!seen.has(span)) found.push({ span, depth: 0 }); // A circle: somebody invented ids.
  return found;
}
