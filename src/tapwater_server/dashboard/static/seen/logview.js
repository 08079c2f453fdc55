// A log one can follow, filter and search; on the page of logs and on a function's.

import { append, button, chips, empty, h, problem, replace, search } from "../ui.js";
import { logLine } from "./rows.js";

const LINES_MAX = 2_000;
const AGAIN_MS = 2_000;
const LEVELS = [["", "All"], ["info", "Info"], ["warning", "Warnings"], ["error", "Errors"], ["platform", "Platform"]];

/** A live log. `asked`: {app, function, invocation, trace}; `extra`: more filters, elements. */
export function logView({ api, query, setQuery, signal }, asked, { extra = [], change = null } = {}) {
  const wanted = { ...asked, level: query.get("level") ?? "", text: query.get("text") ?? "" };
  const list = h("ol", { class: "logs", "aria-live": "off" });
  const none = h("div", { hidden: true }, empty("Nothing was said", "What functions print or log stands here a moment later. Loosen the filters, or call something.", { icon: "logs" }));
  const failed = h("div", {});
  const scroll = h("div", { class: "logs-scroll", tabindex: "0", role: "group", "aria-label": "Log lines" }, list, none);
  let following = new AbortController();
  let paused = false;
  let held = [];
  let come = []; // Since the last frame: a loud function says thousands of lines a second.
  const still = button("Pause", { icon: "pause", small: true, on: () => {
    paused = !paused;
    replace(still.querySelector("span"), paused ? "Go on" : "Pause");
    if (!paused) add(held.splice(0));
  } });
  const older = button("Older lines", { small: true, kind: "quiet", on: async () => {
    const first = Number(list.firstElementChild?.dataset.seq);
    if (!first) return;
    const { lines } = await api.get("/logs", { ...wanted, before: first, limit: 200 });
    if (!lines.length) older.disabled = true;
    list.prepend(...lines.map(made));
  } });

  function made(line) {
    const item = logLine(line, { whose: !asked.function && !asked.invocation });
    item.dataset.seq = line.seq;
    return item;
  }

  function add(lines) {
    if (!lines.length) return;
    if (paused) {
      held = [...held, ...lines].slice(-LINES_MAX);
      return;
    }
    const atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 60;
    append(list, lines.slice(-LINES_MAX).map(made));
    while (list.childElementCount > LINES_MAX) list.firstElementChild.remove();
    none.hidden = true;
    if (atEnd) scroll.scrollTop = scroll.scrollHeight;
  }

  async function follow() {
    following.abort();
    following = new AbortController();
    const own = following.signal;
    replace(list);
    replace(failed);
    come.length = 0;
    older.disabled = false;
    try {
      const { lines, next } = await api.get("/logs", { ...wanted, limit: 300 });
      if (own.aborted) return;
      add(lines);
      none.hidden = lines.length > 0;
      scroll.scrollTop = scroll.scrollHeight;
      tail(next, own);
    } catch (error) {
      if (error.name !== "AbortError") replace(failed, problem(error, { again: follow }));
    }
  }

  /** Follow to the end of the page; what ends the stream (a restart) is met by asking again. */
  async function tail(after, own) {
    let seen = after;
    while (!own.aborted) {
      try {
        await api.until(own).lines("/logs", { ...wanted, after: seen, follow: "true" }, (line) => {
          seen = Math.max(seen, line.seq);
          if (!come.length) requestAnimationFrame(() => add(come.splice(0)));
          come.push(line);
          if (come.length > LINES_MAX) come.shift(); // A hidden tab draws no frames.
        });
      } catch (error) {
        if (error.name === "AbortError") return; // All else passes: a restart, a session that has ended.
      }
      if (!own.aborted) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }

  signal.addEventListener("abort", () => following.abort());
  const choose = (values) => {
    Object.assign(wanted, values);
    setQuery(values);
    follow();
  };
  const view = h("div", { class: "stack" },
    h("div", { class: "filters" }, extra, search("Text", wanted.text, (text) => choose({ text }), { placeholder: "Only lines that contain…" }),
      h("div", { class: "row" }, chips("Level", LEVELS, wanted.level, (level) => choose({ level })), still, older)),
    failed, h("div", { class: "card" }, scroll));
  view.choose = choose;
  change?.(choose);
  follow();
  return view;
}
