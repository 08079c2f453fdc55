// Running a recorded call again, and what was different.

import { a, append, badge, button, card, chips, ending, h, kv, many, note, path, problem, replace } from "../ui.js";

const ANSWERS = [["recorded", "From the recording"], ["live", "Live"]];

/** A box that runs a call again. */
export function replayBox(api, one) {
  let bindings = "recorded";
  const box = h("div", { class: "stack", "aria-live": "polite" });
  const again = button("Run it again", { kind: "primary", icon: "replay", on: async () => {
    again.disabled = true;
    replace(box, note("info", "Running…"));
    try {
      replace(box, compared(await api.post(`/${path("invocations", one.id, "replay")}`, { bindings })));
    } catch (error) {
      replace(box, problem(error));
    } finally {
      again.disabled = false;
    }
  } });
  return card("Replay", { says: "The same request on the same revision; in a debugger with: tapwater replay " + one.id + " --pdb" },
    append(h("div", { class: "stack" }),
      h("div", { class: "row" }, h("span", { class: "says" }, "Services answer"), chips("How services answer", ANSWERS, bindings, (value) => {
        bindings = value;
      }), again),
      box));
}

function compared(said) {
  const side = (title, outcome) => h("div", {}, h("h3", {}, title), kv([["Ended", ending(outcome.ending)], ["Status", outcome.status || null], ["Message", outcome.message]]));
  return append(h("div", { class: "stack" }),
    h("p", { class: "row" }, said.differences.length ? badge(many(said.differences.length, "difference"), "warn") : badge("the same outcome", "ok"), a(path("invocations", said.invocation), "The new invocation")),
    h("div", { class: "grid" }, side("Before", said.before), side("Now", said.after)),
    said.differences.length ? h("ul", { class: "differences" }, said.differences.map((one) => h("li", {}, h("code", {}, typeof one === "string" ? one : difference(one))))) : null,
    said.unknown?.length ? note("warn", `It asked ${said.unknown.length} things that the recording has no answer to.`) : null);
}

function difference(one) {
  if (one.what && "before" in one) return `${one.what}: ${JSON.stringify(one.before)} → ${JSON.stringify(one.after)}`;
  return JSON.stringify(one);
}
