// Tables: columns say how a row is written; rows can be links, and a phone sees them as cards.

import { append, h, replace } from "./dom.js";
import { empty } from "./parts.js";

/** Make a table.
 *
 * columns: [{title, cell: (row) => node or text, kind: "number" | "mono" | "wide" | "", hide: "phone"}]
 * options: caption (for screen readers), none ({title, says, …} as in `empty`), row (row => class), key.
 * The element has `.rows(list)` to show other rows, and `.add(list, most)` to put rows on top. */
export function table(columns, rows = [], { caption = "", none = null, mark = null } = {}) {
  const body = h("tbody", {});
  const headings = columns.map((column) => h("th", { scope: "col", class: classes(column) }, column.title || h("span", { class: "only-heard" }, column.says ?? "Actions")));
  const shown = h("table", { class: "table" }, caption ? h("caption", { class: "only-heard" }, caption) : null, h("thead", {}, h("tr", {}, headings)), body);
  const nothing = h("div", { hidden: true }, none ? empty(none.title, none.says, none) : empty("Nothing here yet"));
  const scroll = h("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-label": caption || "Table" }, shown);
  const made = h("div", { class: "table-box" }, scroll, nothing);

  const heading = Math.max(0, columns.findIndex((column) => column.kind !== "tick")); // What names a row; a box to tick does not.

  function line(row) {
    const cells = columns.map((column, at) =>
      append(h(at === heading ? "th" : "td", { class: classes(column), scope: at === heading ? "row" : null, data: { label: column.title ?? "" } }), column.cell(row)));
    return h("tr", { class: mark?.(row) ?? null }, cells);
  }

  function settle() {
    const without = body.childElementCount === 0;
    scroll.hidden = without;
    nothing.hidden = !without;
  }

  made.rows = (list) => {
    replace(body, list.map(line));
    settle();
  };
  made.add = (list, most = 500) => {
    body.prepend(...list.map(line));
    while (body.childElementCount > most) body.lastElementChild.remove();
    settle();
  };
  made.append_rows = (list) => {
    append(body, list.map(line));
    settle();
  };
  made.rows(rows);
  return made;
}

function classes(column) {
  return [column.kind ?? "", column.hide ? `hide-${column.hide}` : ""].filter(Boolean).join(" ") || null;
}
