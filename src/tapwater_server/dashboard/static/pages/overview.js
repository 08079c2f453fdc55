// The first page: how it goes, what it costs, what is wrong, what happens now.

import { spark } from "../charts.js";
import { callsChart, latencyChart, overTime, rangeChips, rangeOf, sums } from "../seen/series.js";
import { appNames, askedApp } from "../seen/apps.js";
import { a, append, badge, card, code, count, empty, h, head, meter, money, ms, path, percent, replace, skeleton, stamp, stat, stats, table } from "../ui.js";

export const title = "Overview";

const LOOK_S = 5;
const SECONDS = 90;
const BUDGETS = 4;

export async function open({ el, api, live, query, setQuery, session, signal }) {
  const names = await appNames(api);
  if (!names.length) {
    append(el, head("Overview"), nothing());
    return;
  }
  const app = askedApp(names, session, null);
  let range = rangeOf(query);
  const calls = callsChart();
  const latency = latencyChart();
  const numbers = h("div", {}, skeleton(2));
  const busiest = h("div", {}, skeleton(4));
  const faults = h("div", {}, skeleton(3));
  const cost = h("div", {}, skeleton(3));
  const now = liveCard();

  const look = async () => {
    const [series, whole, each] = await Promise.all([overTime(api, { app }, range), sums(api, { app }, range), sums(api, { app, by: "app,function" }, range)]);
    replace(numbers, sumStats(whole[0], series.points));
    calls.show(series);
    latency.show(series);
    replace(busiest, functionTable(each));
  };
  const chosen = (next) => {
    range = next;
    look().catch(quiet);
  };
  append(el,
    head("Overview", { says: app ? `Of the app ${app}.` : null, actions: [rangeChips(query, setQuery, chosen)] }),
    numbers,
    now.el,
    h("div", { class: "grid" }, card("Calls", calls.el), card("How long calls take", latency.el)),
    h("div", { class: "grid" }, card("Functions", { flush: true, says: "By calls in this time" }, busiest), h("div", { class: "stack" },
      card("Errors", { flush: true, says: "Groups that are open, seen last first", actions: [a("errors", "All errors")] }, faults),
      card("Cost", { says: "Today, and since the month began", actions: [a("bills", "The bill")] }, cost))));
  live.ticks({ app }, now.show, signal);
  await live.every(LOOK_S, look, signal);
  live.every(LOOK_S * 3, async () => {
    await Promise.all([showFaults(faults, api, app), showCost(cost, api, app)]);
  }, signal);
}

function quiet(error) {
  if (error.name !== "AbortError") console.warn(error.message);
}

function nothing() {
  return card("Welcome", h("div", { class: "welcome" },
    h("p", {}, "Nothing is deployed here yet. An app is a folder of functions; one file is one function. Begin with:"),
    code("tapwater init shop\ncd shop\ntapwater deploy", { label: "Commands" }),
    h("p", { class: "says" }, "As soon as it is deployed, this page shows its calls, errors, times and cost as they happen.")));
}

function sumStats(sum, points) {
  const calls = sum?.calls ?? 0;
  const share = calls ? sum.errors / calls : 0;
  const line = (of, label, kind) => spark(points.map(of), { label, kind });
  return stats(
    stat("Calls", count(calls), { to: "invocations", chart: line((one) => one.calls, "Calls over time") }),
    stat("Errors", count(sum?.errors ?? 0), { to: "errors", kind: share > 0.01 ? "bad" : "", says: calls ? `${percent(share)} of calls` : "" , chart: null }),
    stat("Median time", calls ? ms(sum.latency_ms.p50) : "–", { says: "half of the calls are quicker" }),
    stat("Slow calls", calls ? ms(sum.latency_ms.p99) : "–", { says: "1 of 100 takes longer (p99)" }),
    stat("Cold starts", count(sum?.cold ?? 0), { says: sum?.cold ? `${ms(sum.start_ms.p50)} each (p50)` : "none waited" }));
}

function functionTable(points) {
  const rows = points.map((one) => ({ ...one, app: one.key[0], name: one.key[1] })).sort((one, other) => other.calls - one.calls).slice(0, 12);
  return table([
    { title: "Function", cell: (one) => a(path("apps", one.app, "functions", one.name), {}, `${one.app} · ${one.name}`) },
    { title: "Calls", kind: "number", cell: (one) => count(one.calls) },
    { title: "Errors", kind: "number", cell: (one) => (one.errors ? h("span", { class: "bad-text" }, count(one.errors)) : "0") },
    { title: "p50", kind: "number", hide: "phone", cell: (one) => ms(one.latency_ms.p50) },
    { title: "p99", kind: "number", cell: (one) => ms(one.latency_ms.p99) },
    { title: "Cold", kind: "number", hide: "phone", cell: (one) => count(one.cold) },
  ], rows, { caption: "Functions by calls", none: { title: "No calls in this time", says: "Choose a longer time, or call a function." } });
}

async function showFaults(el, api, app) {
  const { faults } = await api.get("/faults", { app, state: "open", limit: 5 });
  replace(el, faults.length ? h("ul", { class: "plain-list" }, faults.map((one) => h("li", {},
    h("div", { class: "row between" }, a(path("errors", one.id), { class: "strong-link" }, one.title || one.error || one.ending), badge(`${count(one.count)}×`, "bad")),
    h("p", { class: "says" }, `${one.app} · ${one.function}, `, stamp(one.last_at), one.regressed ? [" ", badge("came back", "warn")] : null))))
    : empty("No open errors", "When functions fail, what failed alike stands here as one line.", { icon: "check" }));
}

async function showCost(el, api, app) {
  const [bill, { budgets, currency }] = await Promise.all([api.get("/bills", { by: "day", as: "all", app }), api.get("/budgets")]);
  const today = new Date().toISOString().slice(0, 10); // Days of bills are UTC's.
  const cost = bill.lines.filter((line) => line.key[0] === today).reduce((sum, line) => sum + Number(line.cost), 0);
  const elsewhere = Object.entries(bill.as ?? {}).filter(([name]) => name !== bill.tariff && name !== "ours");
  const most = elsewhere.map(([name, one]) => [name, Number(one.total), one.currency]).sort((one, other) => other[1] - one[1]).slice(0, 4);
  replace(el, h("div", { class: "cost" },
    h("dl", { class: "cost-sums" },
      h("div", {}, h("dt", {}, "Today"), h("dd", { class: "cost-sum" }, money(cost, bill.currency))),
      h("div", {}, h("dt", {}, "This month"), h("dd", { class: "cost-sum" }, money(Number(bill.total), bill.currency)))),
    budgets.length ? h("ul", { class: "cost-budgets" }, tightest(budgets).slice(0, BUDGETS).map((one) => budgetLine(one, currency)))
      : h("p", { class: "says" }, "No budget is set. ", a("budgets", "Set a limit"), " that holds before a call runs."),
    most.length ? [h("p", { class: "says" }, "The same month elsewhere:"),
      h("dl", { class: "cost-elsewhere" }, most.map(([name, total, other]) => h("div", {}, h("dt", {}, name), h("dd", {}, money(total, other)))))] : null));
}

/** The budgets of which the largest part is gone come first. */
function tightest(budgets) {
  const share = (one) => (one.limit > 0 ? one.spent / one.limit : 1);
  return [...budgets].sort((one, other) => share(other) - share(one));
}

function budgetLine(one, currency) {
  const amount = (value) => (one.unit === currency ? money(value, currency) : count(value));
  const unit = one.unit === currency ? "" : ` ${one.unit.replaceAll("_", " ")}`;
  const says = `${amount(one.spent)} of ${amount(one.limit)}${unit} ${one.every === "day" ? "today" : "this month"}`;
  return h("li", {}, h("div", { class: "row between" }, a("budgets", one.name), h("span", {}, says)), meter(one.spent, one.limit, `${one.name}: ${says}`));
}

/** What happens now: the last seconds, told by the node each second. */
function liveCard() {
  const rates = [];
  const value = (label) => {
    const number = h("dd", { class: "stat-value" }, "–");
    return { number, el: h("div", { class: "stat" }, h("dt", {}, label), number) };
  };
  const parts = { calls: value("Calls/s"), in_flight: value("Running"), instances: value("Instances"), waiting: value("Waiting") };
  const chart = h("div", { class: "now-chart" });
  const el = h("section", { class: "card now", "aria-label": "Right now" },
    h("dl", { class: "stats" }, Object.values(parts).map((part) => part.el)), chart);
  return { el, show: (tick) => {
    for (const [name, part] of Object.entries(parts)) replace(part.number, count(tick[name]));
    rates.push(tick.calls);
    while (rates.length > SECONDS) rates.shift();
    replace(chart, spark([...Array(SECONDS - rates.length).fill(0), ...rates], { label: `Calls in each of the last ${SECONDS} seconds, now ${tick.calls}` }));
  } };
}
