// One function: how it goes, what it said, its source, its settings, its cost, and a form to try it.

import { callsChart, coldChart, latencyChart, overTime, rangeChips, rangeOf, sums } from "../seen/series.js";
import { failed, invocationColumns } from "../seen/rows.js";
import { logView } from "../seen/logview.js";
import { tryForm } from "../seen/trying.js";
import { profileBox } from "../seen/profiling.js";
import { a, append, badge, bytes, card, code, copy, count, empty, h, head, href, kv, many, money, ms, note, path, percent, problem, quantity, replace, seconds, short, skeleton, stat, stats, table, tabs } from "../ui.js";
import { runsOn } from "./app.js";

export const title = (params) => `${params.function} · ${params.app}`;

const LOOK_S = 5;

export async function open(page) {
  const { el, params, api, query, setQuery } = page;
  const app = await api.get(`/${path("apps", params.app)}`);
  const one = app.revision.functions.find((each) => each.name === params.function);
  if (!one) {
    append(el, head(params.function, { crumbs: [["Apps", "apps"], [params.app, path("apps", params.app)]] }), empty("The live revision has no such function", "It may have been removed or renamed. What it did is kept.", { action: a("invocations", { class: "button", href: href("invocations", { app: params.app, function: params.function }) }, "Its invocations") }));
    return;
  }
  append(el,
    head(one.foreign?.name ?? one.name, { crumbs: [["Apps", "apps"], [params.app, path("apps", params.app)]], says: one.description, mark: badge(one.foreign ? "Lambda" : one.kind, "info"), actions: one.url ? [copy(one.url, { title: "Copy the address" }), one.verbs.includes("GET") ? h("a", { class: "button", href: one.url, target: "_blank", rel: "noopener" }, "Open") : null] : [] }),
    one.warnings.length ? note("warn", one.warnings.map((text) => h("p", {}, text))) : null,
    tabs([
      { id: "overview", title: "Overview", open: (panel) => overview(panel, page, one) },
      { id: "logs", title: "Logs", open: (panel) => append(panel, logView(page, { app: params.app, function: one.name })) },
      { id: "try", title: "Try it", open: (panel) => append(panel, tryForm(page, params.app, one)) },
      { id: "source", title: "Source", open: (panel) => source(panel, page, one) },
      { id: "settings", title: "Settings", open: (panel) => settings(panel, one) },
      { id: "cost", title: "Cost", open: (panel) => cost(panel, page, one) },
      { id: "profile", title: "Profile", open: (panel) => append(panel, profileBox(page, params.app, one)) },
    ], { chosen: query.get("tab") ?? "overview", label: "Parts of the function", changed: (id) => setQuery({ tab: id === "overview" ? null : id }) }));
}

function overview(panel, { api, live, params, query, setQuery, signal }, one) {
  let range = rangeOf(query);
  const asked = { app: params.app, function: one.name };
  const numbers = h("div", {}, skeleton(2));
  const charts = { calls: callsChart(), latency: latencyChart(), cold: coldChart() };
  const recent = table(invocationColumns({ whose: false }), [], { caption: "Recent invocations", mark: failed, none: { title: "Nobody has called it in a while", says: "Try it in the tab beside, or call its address." } });
  const busy = h("span", { class: "says" }, "");
  const look = async () => {
    const [series, sum, found] = await Promise.all([overTime(api, asked, range), sums(api, asked, range), api.get("/invocations", { ...asked, limit: 12 })]);
    for (const chart of Object.values(charts)) chart.show(series);
    replace(numbers, numbersOf(sum[0]));
    recent.rows(found.invocations);
  };
  append(panel,
    h("div", { class: "row between" }, h("p", { class: "row" }, runsOn(one), busy), rangeChips(query, setQuery, (next) => {
      range = next;
      look();
    })),
    numbers,
    h("div", { class: "grid" }, card("Calls", charts.calls.el), card("How long calls take", charts.latency.el)),
    card("Recent invocations", { flush: true, actions: [a("invocations", { href: href("invocations", asked) }, "All of them")] }, recent),
    card("Cold starts", charts.cold.el));
  live.ticks(asked, (tick) => replace(busy, `${many(tick.instances, "instance")}, ${count(tick.in_flight)} running, ${count(tick.waiting)} waiting`), signal);
  live.every(LOOK_S, look, signal);
}

function numbersOf(sum) {
  const calls = sum?.calls ?? 0;
  return stats(
    stat("Calls", count(calls)),
    stat("Errors", count(sum?.errors ?? 0), { kind: sum?.errors ? "bad" : "", says: calls ? percent(sum.errors / calls) : "" }),
    stat("p50", calls ? ms(sum.latency_ms.p50) : "–"),
    stat("p99", calls ? ms(sum.latency_ms.p99) : "–"),
    stat("Cold starts", count(sum?.cold ?? 0), { says: sum?.cold ? `${ms(sum.start_ms.p50)} each (p50)` : "" }),
    stat("Memory peak", calls ? bytes(sum.memory_peak_bytes) : "–"));
}

async function source(panel, { api, params }, one) {
  append(panel, skeleton(6));
  try {
    const found = await api.get(`/${path("apps", params.app, "source", one.name)}`);
    replace(panel, card(found.file, { says: `r${found.revision}, as it is live`, flush: true }, code(found.text, { label: `Source of ${one.name}`, numbered: true })));
  } catch (error) {
    if (error.name !== "AbortError") replace(panel, problem(error));
  }
}

function settings(panel, one) {
  const { limits } = one;
  append(panel, h("div", { class: "grid" },
    card("Limits", kv([
      ["Memory", bytes(limits.memory_bytes)],
      ["Time", limits.timeout_s ? seconds(limits.timeout_s) : "none"],
      ["Calls at a time", `${limits.concurrency} in an instance`],
      ["Instances", `${limits.instances_min} to ${limits.instances_max}`],
      ["Waiting room", `${limits.waiting_max} calls, ${seconds(limits.waiting_s_max)}`],
      ["Processors", `${limits.cpu_share}`],
      ["Processes", count(limits.pids_max)],
      ["/tmp", bytes(limits.tmp_bytes)],
      ["Largest body", bytes(limits.body_bytes_max)],
      ["Rate", limits.rate_per_s ? `${limits.rate_per_s} a second` : "any"],
    ])),
    card("What it is", kv([
      ...lambdaRows(one.foreign),
      ["File", one.file ? h("code", {}, one.file) : ""],
      ["Runs on", runsOn(one)],
      ["Address", one.url],
      ["Group", one.foreign ? "" : one.group || "none"],
      ["Style", one.foreign ? "" : one.style],
      ["Who may call", one.foreign ? "whoever may invoke it at AWS's interface; its event sources" : one.auth ?? "anyone"],
      ["Egress", one.egress.length ? one.egress.join(", ") : one.foreign ? "AWS's interface here, and nothing else (tag tapwater:egress)" : "none: nothing leaves"],
    ]), h("p", { class: "says" }, one.foreign ? "Settings are Lambda's: aws lambda update-function-configuration, or its stack." : "Settings stand beside the code, in options(…) or tapwater.toml, and change with a deploy."))));
}

/** What a Lambda function is called and made of there, and where its account keeps its things. */
function lambdaRows(told) {
  if (!told) return [];
  return [
    ["Lambda function", h("code", {}, told.name)],
    ["Version", told.version],
    ["Runtime", told.runtime],
    ["Handler", h("code", {}, told.handler)],
    ["Memory it is told", `${told.memory_mb} MB`],
    ["Layers", told.layers ? "yes" : "none"],
    ["ARN", h("code", {}, told.arn)],
    ["Account", [`${told.account}, the app `, a(path("apps", told.home), {}, told.home), ": its ", a("queues", { href: href("queues", { app: told.home }) }, "queues"), ", ", a(path("data", told.home, "blobs"), {}, "buckets")]],
  ];
}

async function cost(panel, { api, params }, one) {
  append(panel, skeleton(4));
  const bill = await api.get("/bills", { app: params.app, function: one.name, by: "revision", as: "all" });
  const elsewhere = Object.entries(bill.as ?? {}).filter(([name]) => name !== bill.tariff && name !== "ours");
  const items = bill.lines.flatMap((line) => line.items);
  replace(panel,
    stats(stat("This month", money(Number(bill.total), bill.currency), { says: `by the tariff ${bill.tariff}` }), elsewhere.slice(0, 5).map(([name, each]) => stat(name, money(Number(each.total), each.currency), { says: "the same there" }))),
    card("What it is made of", { flush: true, says: "Of this month, by revision", actions: [a("bills", "The whole bill")] }, table([
      { title: "Quantity", cell: (item) => quantity(item.quantity) },
      { title: "Amount", kind: "number", cell: (item) => [short(item.amount), item.unit ? ` ${item.unit}` : ""] },
      { title: "Price", kind: "number", cell: (item) => (Number(item.price) ? `${money(Number(item.price), bill.currency)} for ${item.per}` : "free") },
      { title: "Cost", kind: "number", cell: (item) => money(Number(item.cost), bill.currency) },
    ], items, { caption: "Items of the bill", none: { title: "Nothing this month", says: "As soon as it is called, what it used is written down here." } })));
}
