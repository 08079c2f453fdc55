// A field for JSON that says while one types what is wrong, and where.

import { fresh, h, replace } from "./dom.js";
import { wrongIn } from "./jsonplace.js";
import { button } from "./parts.js";

/** Make a field. `want`: "object" or "any". `save` is called by Ctrl+Enter (Cmd+Enter).
 * Gives { el, area, read(): {value} or null after it has said what is wrong, set(value), dirty() }. */
export function jsonField({ label, value, text, rows = 12, want = "any", save = null, hint = "" }) {
  const id = fresh("json");
  let first = text ?? write(value);
  const state = h("p", { class: "jsonfield-state", id: `${id}-state`, "aria-live": "polite" }, hint);
  const area = h("textarea", {
    id, rows, class: "jsonfield-area", spellcheck: "false", autocomplete: "off", autocapitalize: "off",
    "aria-describedby": `${id}-state`, value: first,
  });
  const tidy = button("Format", { kind: "quiet", small: true, on: () => format() });

  function look() {
    const found = parse(area.value, want);
    area.setAttribute("aria-invalid", String(Boolean(found.problem)));
    state.classList.toggle("bad", Boolean(found.problem));
    replace(state, found.problem ?? hint);
    return found;
  }

  function format() {
    const found = look();
    if (!found.problem) area.value = write(found.value);
    else point(area, found.at);
  }

  area.addEventListener("input", look);
  area.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && save) {
      event.preventDefault();
      save();
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      indent(event, area);
      look();
    }
  });
  return {
    el: h("div", { class: "jsonfield" }, h("div", { class: "jsonfield-head" }, h("label", { for: id }, label), tidy), area, state),
    area,
    read() {
      const found = look();
      if (!found.problem) return { value: found.value };
      point(area, found.at);
      return null;
    },
    set(next) {
      first = write(next);
      area.value = first;
      look();
    },
    dirty: () => area.value !== first,
  };
}

/** JSON as people read it. */
export function write(value) {
  return value === undefined ? "" : JSON.stringify(value, null, 2);
}

/** Read JSON: { value } or { problem, at }. */
export function parse(text, want = "any") {
  if (!text.trim()) return { problem: "There is no JSON here yet.", at: 0 };
  const wrong = wrongIn(text);
  if (wrong) return { problem: `${where(text, wrong.at)}: ${wrong.what}.`, at: wrong.at };
  const value = JSON.parse(text);
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  if (want === "object" && !isObject) return { problem: "This must be an object: { … }", at: 0 };
  return { value };
}

function where(text, at) {
  const before = text.slice(0, at).split("\n");
  return `Line ${before.length}, column ${before.at(-1).length + 1}`;
}

function point(area, at = 0) {
  area.focus();
  area.setSelectionRange(at, Math.min(at + 1, area.value.length));
}

function indent(event, area) {
  const start = area.value.lastIndexOf("\n", area.selectionStart - 1) + 1;
  const line = area.value.slice(start, area.selectionStart);
  const blank = /^\s*/.exec(line)[0] + (/[{[]\s*$/.test(line) ? "  " : "");
  if (!blank) return;
  event.preventDefault();
  area.setRangeText(`\n${blank}`, area.selectionStart, area.selectionEnd, "end");
}
