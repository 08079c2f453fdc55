// Numbers over time from /stats: which spans one can choose, and what is drawn of the answer.

import { bars, line } from "../charts.js";
import { chips, count, ms } from "../ui.js";

/** [name, words, seconds, seconds per point] */
export const RANGES = [
  ["15m", "15 min", 900, 60],
  ["1h", "1 h", 3_600, 60],
  ["6h", "6 h", 21_600, 300],
  ["24h", "24 h", 86_400, 900],
  ["7d", "7 d", 604_800, 7_200],
  ["30d", "30 d", 2_592_000, 21_600],
];

/** The span that the address names, or an hour. */
export function rangeOf(query) {
  return RANGES.find(([name]) => name === query.get("range")) ?? RANGES[1];
}

/** Buttons to choose a span; `choose(range)` hears it, and the address keeps it. */
export function rangeChips(query, setQuery, choose) {
  return chips("Time span", RANGES.map(([name, text]) => [name, text]), rangeOf(query)[0], (name) => {
    setQuery({ range: name === "1h" ? null : name });
    choose(RANGES.find((range) => range[0] === name));
  });
}

/** Ask for points over a span; moments without calls are there too, as nothing. */
export async function overTime(api, asked, [, , span, step]) {
  const until = Date.now() / 1000;
  const first = Math.floor((until - span) / step) * step;
  const { points } = await api.get("/stats", { ...asked, since: first, until, step });
  const known = new Map(points.map((point) => [Math.round(point.at / step), point]));
  const all = [];
  for (let at = first; at <= until; at += step) all.push(known.get(Math.round(at / step)) ?? { at, calls: 0, errors: 0, cold: 0, latency_ms: null, start_ms: null });
  return { points: all, since: first, until, step };
}

/** Ask for the calls of each key over a span: a Map from the first part of the key to a number for each moment. */
export async function overTimeBy(api, asked, [, , span, step]) {
  const until = Date.now() / 1000;
  const first = Math.floor((until - span) / step) * step;
  const { points } = await api.get("/stats", { ...asked, since: first, until, step });
  const moments = Math.floor((until - first) / step) + 1;
  const found = new Map();
  for (const { key, at, calls } of points) {
    if (!found.has(key[0])) found.set(key[0], Array(moments).fill(0));
    found.get(key[0])[Math.round((at - first) / step)] += calls;
  }
  return found;
}

/** Ask for one sum of a span, or one for each of `by`. */
export async function sums(api, asked, [, , span]) {
  const until = Date.now() / 1000;
  const { points } = await api.get("/stats", { ...asked, since: until - span, until });
  return points;
}

/** A chart of calls: those that went well, those that did not. */
export function callsChart() {
  const chart = bars({ label: "Calls over time", format: count, whole: true });
  return { el: chart, show: ({ points, since, until, step }) => chart.show({ since, until: until + step, step, series: [
    { title: "Went well", kind: "c1", values: points.map((one) => [one.at, one.calls - one.errors]) },
    { title: "Failed", kind: "c-bad", values: points.map((one) => [one.at, one.errors]) },
  ] }) };
}

/** A chart of how long calls took. */
export function latencyChart() {
  const chart = line({ label: "Time of calls", format: ms });
  const of = (points, name) => points.map((one) => [one.at, one.calls ? (one.latency_ms?.[name] ?? null) : null]);
  return { el: chart, show: ({ points, since, until }) => chart.show({ since, until, series: [
    { title: "p50", kind: "c1", values: of(points, "p50") },
    { title: "p90", kind: "c2", values: of(points, "p90") },
    { title: "p99", kind: "c3", values: of(points, "p99") },
  ] }) };
}

/** A chart of cold starts. */
export function coldChart() {
  const chart = bars({ label: "Cold starts over time", format: count, whole: true, height: 150 });
  return { el: chart, show: ({ points, since, until, step }) => chart.show({ since, until: until + step, step, series: [{ title: "Cold starts", kind: "c2", values: points.map((one) => [one.at, one.cold]) }] }) };
}
