// Bars beside each other's names: how much each of a few things is.

import { h } from "./dom.js";

/** rows: [{ name, value, says, title }]; `says` is the value in words. */
export function barList(label, rows) {
  const most = Math.max(...rows.map((row) => row.value), 0);
  return h("ul", { class: "barlist", "aria-label": label }, rows.map((row) => line(row, most)));
}

function line(row, most) {
  const bar = h("span", { class: "barlist-bar" });
  bar.style.setProperty("width", `${most ? (100 * row.value) / most : 0}%`);
  return h("li", { title: row.title || null },
    h("span", { class: "barlist-name" }, row.name), h("span", { class: "barlist-track", "aria-hidden": "true" }, bar), h("span", { class: "barlist-says" }, row.says));
}
