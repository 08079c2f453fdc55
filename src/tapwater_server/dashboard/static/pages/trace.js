// One trace as a picture, and everything that was said meanwhile.

import { waterfall } from "../charts.js";
import { logList } from "../seen/rows.js";
import { append, card, copy, count, empty, head, ms, path, stat, stats, time } from "../ui.js";

export const title = (params) => `Trace ${params.id.slice(0, 8)}`;

export async function open({ el, params, api }) {
  const trace = await api.get(`/${path("traces", params.id)}`);
  const calls = trace.spans.filter((span) => span.kind === "invocation");
  const failed = trace.spans.filter((span) => span.ok === false && span.kind === "invocation");
  const root = trace.spans.find((span) => !span.parent) ?? trace.spans[0];
  append(el,
    head(root?.name ?? "Trace", { crumbs: [["Traces", "traces"]], says: [time(trace.at, { exact: true }), " · ", trace.trace], actions: [copy(trace.trace, { title: "Copy the id" })] }),
    stats(
      stat("Took", ms(trace.took_ms)),
      stat("Calls", count(calls.length)),
      stat("Steps", count(trace.spans.length)),
      stat("Failed", count(failed.length), { kind: failed.length ? "bad" : "" })),
    card("What happened when", { flush: true, says: "Choose a row for its details" }, trace.spans.length ? waterfall(trace.spans) : empty("No steps are kept")),
    card("What was said", { flush: true }, trace.lines.length ? logList(trace.lines) : empty("Nothing was said", "What the functions print or log stands here.")));
}
