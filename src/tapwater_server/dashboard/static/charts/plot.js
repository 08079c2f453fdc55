// Lines and bars over time. One frame for both: axes, a cursor that tells values, a table behind it.

import { append, h, replace, s } from "../ui/dom.js";
import { count, time } from "../ui/format.js";
import { moment, moments, ticks } from "./scale.js";

const LEFT = 48;
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 22;
const ROWS_MAX = 200;

/** Lines over time.
 *
 * options: label (what it shows, in words), format (how values are written), height,
 *   whole (only whole numbers on the axis), series [{title, kind: "c1"…"c6" | "c-bad", values: [[at, number | null], …], area}], since, until.
 * The element has `.show({series, since, until})` to draw something else. */
export function line(options) {
  return plot({ ...options, draw: drawLines });
}

/** Bars over time, on top of each other; the same options as `line`, and `step` (seconds per bar). */
export function bars(options) {
  return plot({ ...options, draw: drawBars, stacked: true });
}

function plot({ label, format = count, whole = false, height = 190, draw, stacked = false, ...shown }) {
  const svg = s("svg", { role: "img", "aria-label": label, height, preserveAspectRatio: "none" });
  const tip = h("div", { class: "tip", hidden: true, "aria-hidden": "true" });
  const frame = h("div", { class: "chart-frame" }, svg, tip);
  const legend = h("div", { class: "legend" });
  const rows = h("tbody", {});
  const headings = h("tr", {});
  const details = h("details", { class: "chart-table" }, h("summary", {}, "As a table"),
    h("table", { class: "table" }, h("caption", { class: "only-heard" }, label), h("thead", {}, headings), rows));
  const el = h("figure", { class: "chart" }, frame, legend, details);
  let state = { series: [], ...shown };
  let width = 0;

  const paint = () => {
    if (!width) return;
    const area = measured(state, { width, height, stacked, whole });
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    replace(svg, axes(area, format), draw(state, area), s("line", { class: "cursor", visibility: "hidden", y1: TOP, y2: height - BOTTOM }));
    const nothing = state.series.every((one) => one.values.every(([, value]) => value === null || value === undefined));
    svg.setAttribute("aria-label", nothing ? `${label}: nothing in this time` : `${label}: ${words(state, format)}`);
    if (nothing) append(svg, s("text", { class: "tick", x: (width + LEFT) / 2, y: height / 2, "text-anchor": "middle" }, "Nothing in this time"));
    replace(legend, state.series.length > 1 ? state.series.map((one) => h("span", { class: one.kind ?? "c1" }, h("i", {}), h("b", {}, one.title))) : null);
    if (details.open) tabulate();
  };
  const tabulate = () => {
    replace(headings, h("th", { scope: "col" }, "Time"), state.series.map((one) => h("th", { scope: "col", class: "number" }, one.title)));
    replace(rows, instants(state).slice(-ROWS_MAX).reverse().map((at) =>
      h("tr", {}, h("th", { scope: "row" }, time(at)), state.series.map((one) => h("td", { class: "number" }, format(valueAt(one, at)))))));
  };
  details.addEventListener("toggle", tabulate);
  point(frame, svg, tip, () => ({ state, area: measured(state, { width, height, stacked, whole }) }), format);

  new ResizeObserver(([entry]) => {
    const now = Math.round(entry.contentRect.width);
    if (now === width) return;
    width = now;
    paint();
  }).observe(frame);
  el.show = (next) => {
    state = { ...state, ...next };
    paint();
  };
  el.classList.add("drawn");
  return el;
}

function measured({ series, since, until }, { width, height, stacked, whole }) {
  const all = instants({ series });
  const from = since ?? all[0] ?? 0;
  const to = Math.max(from + 1, until ?? all.at(-1) ?? 1);
  const tops = stacked ? all.map((at) => sum(series.map((one) => valueAt(one, at) ?? 0))) : series.flatMap((one) => one.values.map(([, value]) => value ?? 0));
  const steps = ticks(Math.max(0, ...tops), { whole });
  const most = steps.at(-1);
  return { width, height, from, to, steps, most,
    x: (at) => LEFT + ((at - from) / (to - from)) * Math.max(1, width - LEFT - RIGHT),
    y: (value) => height - BOTTOM - (value / most) * (height - TOP - BOTTOM) };
}

function axes(area, format) {
  const marks = moments(area.from, area.to, Math.max(2, Math.floor(area.width / 110)));
  return [
    area.steps.map((value) => [
      s("line", { class: "axis", x1: LEFT, x2: area.width - RIGHT, y1: Math.round(area.y(value)), y2: Math.round(area.y(value)) }),
      s("text", { class: "tick", x: LEFT - 8, y: area.y(value) + 4, "text-anchor": "end" }, format(value)),
    ]),
    marks.found.map((at) => s("text", { class: "tick", x: Math.min(area.x(at), area.width - 20), y: area.height - 5, "text-anchor": "middle" }, moment(at, marks.step))),
  ];
}

function drawLines({ series }, area) {
  return series.map(({ kind = "c1", values, area: filled }) => runs(values).map((run) => {
    const points = run.map(([at, value]) => `${area.x(at).toFixed(1)},${area.y(value).toFixed(1)}`);
    if (run.length === 1) return s("circle", { class: `spot ${kind}`, cx: area.x(run[0][0]), cy: area.y(run[0][1]), r: 3.5 });
    const ground = area.y(0);
    return [
      filled ? s("path", { class: `area ${kind}`, d: `M${area.x(run[0][0]).toFixed(1)},${ground}L${points.join("L")}L${area.x(run.at(-1)[0]).toFixed(1)},${ground}Z` }) : null,
      s("path", { class: `series ${kind}`, d: `M${points.join("L")}` }),
    ];
  }));
}

function drawBars({ series, step }, area) {
  const all = instants({ series });
  const gap = step ?? (all.length > 1 ? Math.min(...all.slice(1).map((at, i) => at - all[i])) : area.to - area.from);
  const wide = Math.max(1.5, area.x(area.from + gap) - area.x(area.from) - 1.5);
  return all.flatMap((at) => {
    let below = 0;
    return series.map((one) => {
      const value = valueAt(one, at) ?? 0;
      if (value <= 0) return null;
      const top = area.y(below + value);
      const tall = Math.max(1, area.y(below) - top);
      below += value;
      return s("rect", { class: `pile ${one.kind ?? "c1"}`, x: area.x(at).toFixed(1), y: top.toFixed(1), width: wide.toFixed(1), height: tall.toFixed(1), rx: Math.min(2, wide / 3) });
    });
  });
}

/** Show the values where the pointer is. */
function point(frame, svg, tip, now, format) {
  const leave = () => {
    tip.hidden = true;
    svg.querySelector(".cursor")?.setAttribute("visibility", "hidden");
  };
  frame.addEventListener("pointerleave", leave);
  frame.addEventListener("pointermove", (event) => {
    const { state, area } = now();
    const all = instants(state);
    if (!all.length) return leave();
    const left = event.clientX - frame.getBoundingClientRect().left;
    const near = all.reduce((best, at) => (Math.abs(area.x(at) - left) < Math.abs(area.x(best) - left) ? at : best), all[0]);
    const x = area.x(near);
    const cursor = svg.querySelector(".cursor");
    for (const side of ["x1", "x2"]) cursor?.setAttribute(side, x);
    cursor?.setAttribute("visibility", "visible");
    replace(tip, h("p", {}, time(near)), state.series.map((one) => h("div", { class: one.kind ?? "c1" }, one.title, h("b", {}, format(valueAt(one, near))))));
    tip.hidden = false;
    const over = x + tip.offsetWidth + 20 > area.width;
    tip.style.setProperty("transform", `translate(${over ? x - tip.offsetWidth - 12 : x + 12}px, 8px)`);
    return undefined;
  });
}

function instants({ series }) {
  return [...new Set(series.flatMap((one) => one.values.map(([at]) => at)))].sort((one, other) => one - other);
}

function valueAt(one, at) {
  return one.values.find(([when]) => when === at)?.[1] ?? null;
}

/** Cut a line where values are missing. */
function runs(values) {
  const found = [];
  let run = [];
  for (const pair of values) {
    if (pair[1] === null || pair[1] === undefined) {
      if (run.length) found.push(run);
      run = [];
    } else run.push(pair);
  }
  if (run.length) found.push(run);
  return found;
}

function words({ series }, format) {
  return series.map((one) => {
    const known = one.values.map(([, value]) => value).filter((value) => value !== null && value !== undefined);
    return known.length ? `${one.title} last ${format(known.at(-1))}, at most ${format(Math.max(...known))}` : `${one.title} nothing`;
  }).join("; ");
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}
