// One group of errors: its traceback, since when, in which revisions, and calls to look at.

import { failed, invocationColumns } from "../seen/rows.js";
import { a, append, button, card, code, count, empty, h, head, href, kv, path, stamp, stat, stats, table, toast } from "../ui.js";
import { state } from "./errors.js";

export const title = "Error";

export async function open({ el, params, api, go }) {
  const one = await api.get(`/${path("faults", params.id)}`);
  const found = await api.get("/invocations", { app: one.app, fault: one.id, limit: 12 });
  const say = (next, text) => button(text, { kind: next === "resolved" ? "primary" : "", on: async () => {
    try {
      await api.put(`/${path("faults", one.id)}`, { state: next });
      toast(`The error is ${next}.`);
      await go(path("errors", one.id));
    } catch (error) {
      toast(error.detail ?? error.message, "bad");
    }
  } });
  const actions = one.state === "open" ? [say("muted", "Mute"), say("resolved", "Resolve")] : [say("open", "Open again")];
  append(el,
    head(one.title || one.error || one.ending, { crumbs: [["Errors", "errors"]], mark: state(one), says: [a(path("apps", one.app, "functions", one.function), `${one.app} · ${one.function}`), one.where ? ` in ${one.where}` : ""], actions }),
    stats(stat("Times", count(one.count)), stat("First", stamp(one.first_at)), stat("Last", stamp(one.last_at)), stat("Revisions", count(Object.keys(one.revisions).length))),
    card("Traceback", { says: "Of the first one since it opened" }, one.trace ? code(one.trace, { label: "Traceback" }) : empty("There is none", `It ended as ${one.ending.replaceAll("_", " ")}, not with an exception.`)),
    card("Calls that failed so", { flush: true, actions: [a("invocations", { href: href("invocations", { app: one.app, fault: one.id }) }, "All of them")] }, table(invocationColumns({ whose: false }), found.invocations, { caption: "Calls that failed so", mark: failed, none: { title: "None is kept any more", says: "Invocations are kept for some days." } })),
    card("Facts", kv([
      ["Error", one.error || one.ending],
      ["Place", one.where ? h("code", {}, one.where) : null],
      ["Fingerprint", h("code", {}, one.id)],
      ["Revisions", h("ul", {}, Object.entries(one.revisions).map(([id, times]) => h("li", {}, h("code", {}, id), ` ${count(times)} times`)))],
      ["State changed", one.changed_at ? stamp(one.changed_at) : null],
    ])));
}
