// A table whose rows can be ticked, and which is drawn anew without losing what is ticked or where the focus is.

import { h } from "./dom.js";
import { table } from "./table.js";

const STALE_MS = 10_000; // "5 s ago" must be written anew although nothing else has changed.

/** Make a table as `table` does, and more: `key(row)` names a row, `label(row)` says what it is; with `ticked` rows
 * have a box, and it hears which are ticked. Gives { el, show(rows), chosen(), clear() }. */
export function listing({ columns, key, label = key, ticked = null, ...options }) {
  const marked = new Set();
  let rows = [];
  let drawn = { text: null, at: 0 };
  const all = h("input", { type: "checkbox", "aria-label": "Tick all that are shown", on: { change: tickAll } });
  const box = (row) => h("input", {
    type: "checkbox", "aria-label": `Tick ${label(row)}`, checked: marked.has(key(row)),
    on: { change: (event) => tick(key(row), event.target.checked) },
  });
  const shown = [...columns];
  if (ticked) shown.unshift({ title: "", says: "Tick", kind: "tick", cell: box });
  const made = table(shown, [], options);
  made.classList.add("listing");
  made.querySelector(".table-scroll").setAttribute("aria-label", `Table: ${options.caption}`); // Its card may have the same name.
  if (ticked) made.querySelector("thead th").replaceChildren(all);

  function show(next) {
    const text = JSON.stringify(next);
    if (text === drawn.text && Date.now() - drawn.at < STALE_MS) return;
    drawn = { text, at: Date.now() };
    const there = new Set(next.map(key));
    for (const one of marked) if (!there.has(one)) marked.delete(one);
    const place = focused();
    rows = next;
    made.rows(rows);
    if (place) focusAgain(place);
    tell();
  }

  function focused() {
    const row = document.activeElement?.closest?.("tbody tr");
    if (!row || !made.contains(row)) return null;
    const at = [...row.parentNode.children].indexOf(row);
    return { key: rows[at] && key(rows[at]), nth: focusable(row).indexOf(document.activeElement) };
  }

  function focusAgain(place) {
    const at = rows.findIndex((row) => key(row) === place.key);
    const row = made.querySelectorAll("tbody tr")[at];
    if (row) focusable(row)[place.nth]?.focus({ preventScroll: true });
  }

  function tick(id, on) {
    if (on) marked.add(id);
    else marked.delete(id);
    tell();
  }

  function tickAll() {
    for (const row of rows) {
      if (all.checked) marked.add(key(row));
      else marked.delete(key(row));
    }
    made.rows(rows);
    tell();
  }

  function tell() {
    all.checked = rows.length > 0 && marked.size === rows.length;
    all.indeterminate = marked.size > 0 && marked.size < rows.length;
    ticked?.(chosen());
  }

  const chosen = () => rows.filter((row) => marked.has(key(row)));
  return {
    el: made,
    show,
    chosen,
    clear() {
      marked.clear();
      drawn = { text: null, at: 0 };
      show(rows);
    },
  };
}

function focusable(row) {
  return [...row.querySelectorAll("a, button, input, select")];
}
