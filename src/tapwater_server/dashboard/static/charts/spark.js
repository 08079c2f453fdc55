// A line of the size of a word.

import { s } from "../ui/dom.js";

/** Draw values beside a number; `label` says what they are. */
export function spark(values, { label = "", kind = "c1" } = {}) {
  const known = values.map((value) => value ?? 0);
  const most = Math.max(...known, 1e-9);
  const wide = 100;
  const tall = 24;
  const at = (value, i) => `${((i / Math.max(1, known.length - 1)) * wide).toFixed(1)},${(tall - 2 - (value / most) * (tall - 4)).toFixed(1)}`;
  const points = known.map(at).join("L");
  return s("svg", { class: `spark chart ${kind}`, viewBox: `0 0 ${wide} ${tall}`, preserveAspectRatio: "none", role: label ? "img" : null, "aria-label": label || null, "aria-hidden": label ? null : "true" },
    known.length > 1 ? [
      s("path", { class: `area ${kind}`, d: `M0,${tall}L${points}L${wide},${tall}Z` }),
      s("path", { class: `series ${kind}`, d: `M${points}`, "vector-effect": "non-scaling-stroke" }),
    ] : null);
}
