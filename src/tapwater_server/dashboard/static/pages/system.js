// System: what this machine gives, what it is doing, and what is missing.

import { a, append, badge, bytes, card, count, exact, h, head, icon, kv, meter, ms, note, path, problem, replace, seconds, stat, stats } from "../ui.js";
import { listing } from "../ui/listing.js";
import { lookOften } from "../ui/looking.js";

export const title = "System";

const LOOK_S = 2;

export async function open({ el, api, live, session, signal }) {
  append(el, head(title, { says: "This node: how it is, how functions are kept apart here, and its limits." }));
  if (!session.admin) {
    append(el, note("info", "Only an admin sees the node. Your token is for apps."));
    return;
  }
  const numbers = h("div");
  const functions = functionList();
  const counters = h("div");
  const gateway = h("div");
  const machine = h("div");
  append(el, numbers, card("Functions", { flush: true }, functions.el),
    h("div", { class: "grid two" }, card("Instances and meter", {}, counters), card("Gateway", {}, gateway)), machine);
  const look = async () => {
    const top = await api.get("/top");
    replace(numbers, standing(top));
    functions.show(top.functions.map(({ idle_s, ...row }) => ({ ...row, idle_for: Math.round(idle_s / 5) * 5 })));
    replace(counters, kv(inside(top)));
    replace(gateway, kv(door(top.gateway)));
  };
  await lookOften(live, LOOK_S, look, signal);
  api.get("/doctor").then((said) => replace(machine, doctor(said)), (error) => error.name === "AbortError" || replace(machine, problem(error)));
}

function standing(top) {
  const budget = top.memory_budget_bytes;
  const memory = `${bytes(top.memory_held_bytes)} of ${bytes(budget)}`;
  return stats(
    stat("Up for", seconds(Math.round(top.uptime_s))),
    stat("Instances", count(top.instances), { says: top.starting ? `${top.starting} starting` : "" }),
    stat("Calls that wait", count(top.waiting), { kind: top.waiting ? "warn" : "" }),
    stat("Memory of functions", bytes(top.memory_held_bytes), { says: meter(top.memory_held_bytes, budget, `Memory: ${memory}`) }),
    stat("Zygotes", count(top.zygotes.open), { says: bytes(top.zygotes.memory_bytes) }),
  );
}

function functionList() {
  return listing({
    caption: "Functions by how busy they are", key: (row) => `${row.app} ${row.function} ${row.revision}`,
    none: { title: "Nothing runs", says: "Instances are there while functions are called, and a while after.", icon: "function" },
    columns: [
      { title: "Function", kind: "wide", cell: (row) => [a(path("apps", row.app, "functions", row.function), {}, `${row.app}:${row.function}`), row.retired ? [" ", badge("old revision")] : null] },
      { title: "Busy", kind: "number", cell: (row) => count(row.busy) },
      { title: "Idle", kind: "number", cell: (row) => count(row.idle) },
      { title: "Waiting", kind: "number", cell: (row) => (row.waiting ? badge(count(row.waiting), "warn") : "0") },
      { title: "Calls", kind: "number", cell: (row) => count(row.calls) },
      { title: "Cold", kind: "number", hide: "phone", cell: (row) => count(row.cold_starts) },
      { title: "p50", kind: "number", cell: (row) => ms(row.p50_s * 1000) },
      { title: "p95", kind: "number", hide: "phone", cell: (row) => ms(row.p95_s * 1000) },
      { title: "Memory", kind: "number", cell: (row) => bytes(row.memory_bytes) },
    ],
  });
}

function inside(top) {
  return [
    ["Evicted for memory", exact(top.evicted)], ["Waiting for memory", exact(top.hungry)], ["Zygotes rebuilt", exact(top.zygotes.rebuilt)], ["Zygotes evicted", exact(top.zygotes.evicted)],
    ...Object.entries(top.meter).map(([name, value]) => [`Meter: ${words(name)}`, name === "dropped" && value ? badge(exact(value), "bad") : say(name, value)]),
  ];
}

function door(gateway) {
  return Object.entries(gateway).map(([name, value]) => [capital(words(name)), /failures|refused/.test(name) && value ? badge(exact(value), "warn") : say(name, value)]);
}

function doctor(said) {
  const missing = said.layers.filter((one) => !one.present);
  const says = missing.length ? `${missing.length} of ${said.layers.length} are missing here.` : `All ${said.layers.length} are in place.`;
  return h("div", { class: "stack" },
    said.warnings.map((one) => note("warn", String(one.text ?? one.message ?? one))),
    card("Isolation layers", { says }, h("ul", { class: "layers" }, [...missing, ...said.layers.filter((one) => one.present)].map(layer))),
    h("div", { class: "grid two" },
      card("Machine", {}, kv(facts(said.machine))), card("Limits", {}, kv(facts(said.limits))),
      card("Interpreters", {}, kv(said.interpreters.map((one) => [`Python ${one.version}`, h("code", {}, one.path)])))),
    rest(said));
}

function layer(one) {
  return h("li", { class: one.present ? "" : "missing" },
    h("span", { class: `layer-mark ${one.present ? "ok" : "bad"}` }, icon(one.present ? "check" : "close"), h("span", { class: "only-heard" }, one.present ? "in place" : "missing")),
    h("span", {}, h("b", {}, one.name), h("span", { class: "faint" }, ` ${one.detail}`), h("span", { class: "layer-without" }, one.present ? `Without it ${one.without}.` : `${capital(one.without)}.`)));
}

/** What a later version of the server says of itself besides. */
function rest(said) {
  const known = new Set(["machine", "layers", "interpreters", "limits", "warnings"]);
  const others = Object.entries(said).filter(([name, value]) => !known.has(name) && value && typeof value === "object" && !Array.isArray(value));
  return others.length ? h("div", { class: "grid two" }, others.map(([name, value]) => card(capital(words(name)), {}, kv(facts(value))))) : null;
}

function facts(values) {
  return Object.entries(values).map(([name, value]) => [capital(words(name.replace(/_(bytes|s)$/, ""))), say(name, value)]);
}

function say(name, value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "object") return JSON.stringify(value);
  if (typeof value !== "number") return String(value);
  if (name.endsWith("_bytes") || name === "bytes") return bytes(value);
  return name.endsWith("_s") ? seconds(value) : exact(value);
}

function words(name) {
  return name.replaceAll("_", " ");
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
