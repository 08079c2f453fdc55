// How invocations, functions and log lines look in lists, wherever they are listed.

import { a, ending, h, icon, ms, path, stamp, time } from "../ui.js";

// What programs write to colour a terminal: ESC [ … m and the like.
// eslint-disable-next-line no-control-regex
const TERMINAL = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-_])/g;
const LEVELS = { debug: "debug", info: "info", warning: "warn", error: "bad", platform: "platform" };

/** Columns of a table of invocations; `whose`: with app and function. */
export function invocationColumns({ whose = true } = {}) {
  return [
    { title: "When", kind: "tight", cell: (one) => a(path("invocations", one.id), { class: "plain" }, stamp(one.at, { exact: true })) },
    { title: "Ended", kind: "tight", cell: (one) => ending(one.ending) },
    whose ? { title: "Function", cell: (one) => a(path("apps", one.app, "functions", one.function), {}, `${one.app} · ${one.function}`) } : null,
    { title: "Asked", kind: "mono clip-cell", hide: whose ? "phone" : null, cell: (one) => asked(one) },
    { title: "Status", kind: "number", hide: "phone", cell: (one) => one.status || "–" },
    { title: "Took", kind: "number", cell: (one) => [one.cold ? h("span", { class: "cold", title: "Cold start" }, icon("snow"), h("span", { class: "only-heard" }, "cold start")) : null, ms(one.queue_ms + one.wall_ms)] },
  ].filter(Boolean);
}

/** What an invocation was asked: method and path, or the event. */
export function asked(one) {
  if (one.verb === "event") return one.event || "call";
  return `${one.method} ${one.path}`;
}

/** Whether an invocation ended badly: for the mark of its row. */
export function failed(one) {
  return ["ok", "cancelled"].includes(one.ending) ? null : "bad";
}

/** One line of a log. `whose`: with its function and a link to its invocation. */
export function logLine(line, { whose = true } = {}) {
  const level = LEVELS[line.level] ?? "info";
  const fields = Object.entries(line.fields ?? {});
  return h("li", { class: `log ${level}` },
    h("time", { class: "log-at", datetime: new Date(line.at * 1000).toISOString(), title: time(line.at, { exact: true }) }, clock(line.at)),
    h("span", { class: `log-level ${level}` }, line.stream === "platform" ? "platform" : line.level),
    whose ? h("span", { class: "log-whose" }, line.invocation ? a(path("invocations", line.invocation), { title: `${line.app} · ${line.function}: the invocation` }, line.function || line.app) : line.app) : null,
    h("span", { class: "log-text" }, line.text.replace(/\r\n?/g, "\n").replace(TERMINAL, "").replace(/\n$/, ""), fields.length ? h("span", { class: "log-fields" }, fields.map(([name, value]) => h("span", {}, h("b", {}, `${name}=`), typeof value === "string" ? value : JSON.stringify(value)))) : null));
}

/** A list of log lines. */
export function logList(lines, options) {
  return h("ol", { class: "logs" }, lines.map((line) => logLine(line, options)));
}

function clock(at) {
  const date = new Date(at * 1000);
  const today = date.toDateString() === new Date().toDateString();
  const day = today ? "" : `${new Intl.DateTimeFormat(undefined, { month: "2-digit", day: "2-digit" }).format(date)} `;
  return `${day}${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}
