// A profile of live calls, as a flame graph.

import { flame, folded } from "../charts.js";
import { append, card, empty, form, h, note, path, problem, replace } from "../ui.js";

/** A box that takes a profile of a function. */
export function profileBox({ api, signal }, app, one) {
  const box = h("div", {}, empty("No profile yet", "For some seconds we look a hundred times a second at what its running calls do. Call it meanwhile: an idle function has nothing to show.", { icon: "function" }));
  const made = form([{ name: "seconds", label: "Seconds", kind: "number", value: 10, min: 1, max: 60, required: true }], async (values) => {
    replace(box, note("info", `Looking for ${values.seconds} s…`));
    try {
      const response = await api.ask("POST", `/${path("apps", app, "profiles")}`, { body: { function: one.name, seconds: values.seconds, format: "folded" }, signal });
      replace(box, picture(await response.text()));
    } catch (error) {
      if (error.name !== "AbortError") replace(box, problem(error));
    }
  }, { submit: "Take a profile", inline: true });
  return append(h("div", { class: "stack" }), card("Profile", { says: "Where the time of live calls goes" }, made), card("", box));
}

function picture(text) {
  if (!text.trim()) return empty("Nothing ran", "No call was running when we looked. Call it while the profile is taken.");
  return flame(folded(text), { label: "Flame graph of live calls", unit: "looks" });
}
