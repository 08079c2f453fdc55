// One call: how it ended, what it used, what it said, its trace, what it was sent, and running it again.

import { waterfall } from "../charts.js";
import { asked, logList } from "../seen/rows.js";
import { replayBox } from "../seen/replaying.js";
import { a, append, badge, bytes, card, code, copy, count, empty, ending, h, head, href, kv, money, ms, path, stamp, stat, stats, time } from "../ui.js";

export const title = (params) => `Invocation ${params.id}`;

export async function open({ el, params, api }) {
  const one = await api.get(`/${path("invocations", params.id)}`);
  const [trace, recording] = await Promise.all([one.trace ? known(api.get(`/${path("traces", one.trace)}`)) : null, known(api.get(`/${path("recordings", one.id)}`))]);
  append(el,
    head(asked(one), { crumbs: [["Invocations", "invocations"]], mark: ending(one.ending), says: [`${one.app} · ${one.function}, `, time(one.at, { exact: true })], actions: [copy(one.id, { title: "Copy the id" })] }),
    one.message ? h("div", { class: "problem" }, h("div", {}, h("p", { class: "problem-title" }, one.message), one.fault ? a(path("errors", one.fault), "All errors like this") : null)) : null,
    stats(
      stat("Took", ms(one.queue_ms + one.wall_ms), { says: one.status ? `status ${one.status}` : "" }),
      stat("Waited", ms(one.queue_ms), { says: one.cold ? `${ms(one.start_ms)} of it a cold start` : "no cold start" }),
      stat("Ran", ms(one.wall_ms), { says: `${ms(one.cpu_ms)} of processor` }),
      stat("Memory peak", bytes(one.memory_peak_bytes), { says: one.memory_bytes ? `of ${bytes(one.memory_bytes)}` : "" }),
      one.cost ? stat("Cost", Number(one.cost.amount) ? money(Number(one.cost.amount), one.cost.currency) : "free", { says: `${bytes(one.bytes_in)} in, ${bytes(one.bytes_out)} out` }) : stat("In and out", bytes(one.bytes_in), { says: `${bytes(one.bytes_out)} out` })),
    trace?.spans?.length ? card("Trace", { flush: true, says: `${trace.spans.length} steps, ${ms(trace.took_ms)}`, actions: [a(path("traces", one.trace), "The whole trace")] }, waterfall(trace.spans)) : null,
    card("Log", { flush: true, actions: [a("logs", { href: href("logs", { app: one.app, invocation: one.id }) }, "In the logs")] }, one.lines.length ? logList(one.lines, { whose: false }) : empty("It said nothing", "What a function prints or logs stands here.")),
    h("div", { class: "grid" }, card("What it is", facts(one)), payload(recording)),
    recording ? replayBox(api, one) : null);
}

/** What may be missing: an old trace, a call that was not recorded. */
async function known(promise) {
  try {
    return await promise;
  } catch (error) {
    if (error.status === 404 || error.status === 400) return null;
    throw error;
  }
}

function facts(one) {
  const used = Object.entries(one.used ?? {}).map(([name, amount]) => `${count(amount)} ${name.replaceAll("_", " ")}`);
  return kv([
    ["Id", h("code", {}, one.id)],
    ["Function", a(path("apps", one.app, "functions", one.function), `${one.app} · ${one.function}`)],
    ["Revision", h("code", {}, one.revision)],
    ["Route", one.route],
    ["Event", one.event],
    ["Delivery", one.delivery ? `${one.delivery}, attempt ${one.attempt}` : null],
    ["User", one.user],
    ["Instance", h("code", {}, one.instance || "none")],
    ["Chain", one.depth ? [a(path("invocations", one.root), "its first call"), `, depth ${one.depth}`] : null],
    ["Used", used.length ? used.join(", ") : null],
    ["Left by egress", one.egress_bytes ? bytes(one.egress_bytes) : null],
    ["Repeats", one.replay_of ? a(path("invocations", one.replay_of), one.replay_of) : null],
    ["Trace", one.trace ? h("code", {}, one.trace) : null],
  ]);
}

function payload(recording) {
  if (!recording) return card("What it was sent", empty("Not recorded", "Calls that fail are recorded, and a share of the others (the setting record_payloads)."));
  const { request, outcome } = recording;
  return card("What it was sent", { says: [`Recorded: ${recording.why}, `, stamp(recording.at)] },
    h("div", { class: "stack" },
      kv([
        ["Request", h("code", {}, `${request.method} ${request.path}${request.query ? `?${request.query}` : ""}`)],
        ["Headers", request.headers.length ? h("code", { class: "lines" }, request.headers.map(([name, value]) => `${name}: ${value}`).join("\n")) : null],
      ]),
      request.body ? body("Body", request) : h("p", { class: "says" }, "It had no body."),
      outcome?.body ? body("Answer", outcome) : null,
      recording.questions.length ? h("p", { class: "says" }, `On its way it asked services ${recording.questions.length} times; these answers are recorded too.`) : null));
}

function body(label, { body: text, body_cut: cut }) {
  return h("div", {}, h("h3", {}, label, cut ? [" ", badge("cut", "warn")] : null), code(typeof text === "string" ? text : JSON.stringify(text, null, 2), { label }));
}

