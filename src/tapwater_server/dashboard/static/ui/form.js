// Forms: fields as data, problems shown where they belong, the button busy while it runs.

import { append, fresh, h, replace } from "./dom.js";
import { button, problem } from "./parts.js";

/** One labelled input. kind: text, number, password, email, textarea, select, checkbox, json.
 * options: name, label, value, says (help), required, choices ([[value, text], …]), placeholder, rows, autocomplete. */
export function field(options) {
  const { name, label, kind = "text", says = "", value } = options;
  const id = fresh(name);
  const help = says ? h("p", { class: "help", id: `${id}-help` }, says) : null;
  const wrong = h("p", { class: "wrong", id: `${id}-wrong`, hidden: true });
  const common = { id, name, required: options.required, placeholder: options.placeholder, "aria-describedby": help ? `${id}-help` : null, autocomplete: options.autocomplete ?? "off" };
  const input = control(kind, common, options);
  if (kind === "checkbox") {
    input.checked = Boolean(value);
    return h("div", { class: "field check", data: { field: name } }, input, h("label", { for: id }, label), help, wrong);
  }
  return h("div", { class: "field", data: { field: name } }, h("label", { for: id }, label), input, help, wrong);
}

function control(kind, common, { value = "", choices = [], rows = 6, min, max, step, spellcheck }) {
  if (kind === "textarea" || kind === "json") {
    const text = kind === "json" && typeof value !== "string" ? JSON.stringify(value, null, 2) : value;
    return h("textarea", { ...common, rows, class: kind === "json" ? "mono" : null, spellcheck: "false", value: text });
  }
  if (kind === "select") {
    const chosen = h("select", common, choices.map(([one, text]) => h("option", { value: one }, text)));
    chosen.value = value || (choices[0]?.[0] ?? "");
    return chosen;
  }
  if (kind === "checkbox") return h("input", { ...common, type: "checkbox" });
  return h("input", { ...common, type: kind, value, min, max, step, spellcheck: spellcheck ?? "false" });
}

/** A form. `fields`: as in `field`, or elements; `send(values)` may be async and may throw a Problem.
 * options: submit (text of the button), kind (primary), cancel (called), inline. The element has `.values()`. */
export function form(fields, send, { submit = "Save", kind = "primary", cancel = null, inline = false } = {}) {
  const ok = button(submit, { type: "submit", kind });
  const failed = h("div", { class: "form-problem" });
  const made = h("form", { class: inline ? "form inline" : "form", novalidate: true },
    fields.map((one) => (one instanceof Node ? one : field(one))), failed,
    h("div", { class: "form-end" }, ok, cancel ? button("Cancel", { on: cancel, kind: "quiet" }) : null));

  made.values = () => {
    const found = {};
    for (const input of made.elements) {
      if (!input.name) continue;
      if (input.type === "checkbox") found[input.name] = input.checked;
      else if (input.type === "number") found[input.name] = input.value === "" ? null : Number(input.value);
      else found[input.name] = input.value;
    }
    return found;
  };

  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    clear(made);
    replace(failed);
    const missing = [...made.elements].find((input) => !input.checkValidity());
    if (missing) {
      complain(made, missing.name, missing.validationMessage);
      missing.focus();
      return;
    }
    ok.disabled = true;
    made.setAttribute("aria-busy", "true");
    try {
      await send(made.values(), made);
    } catch (error) {
      if (error.name === "AbortError") return;
      const left = (error.problems ?? []).filter((one) => !complain(made, one.where, one.what));
      append(failed, problem({ title: error.title, detail: error.detail ?? error.message, problems: left }));
    } finally {
      ok.disabled = false;
      made.removeAttribute("aria-busy");
    }
  });
  return made;
}

function complain(made, name, text) {
  const place = made.querySelector(`[data-field="${CSS.escape(name)}"]`);
  if (!place) return false;
  const wrong = place.querySelector(".wrong");
  wrong.hidden = false;
  replace(wrong, text);
  const input = place.querySelector("input, textarea, select");
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-errormessage", wrong.id);
  return true;
}

function clear(made) {
  for (const wrong of made.querySelectorAll(".wrong")) wrong.hidden = true;
  for (const input of made.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
}

/** A select with its label, for rows of filters. `choose(value)` hears each change. */
export function select(label, choices, chosen, choose) {
  const id = fresh("select");
  const made = h("select", { id, on: { change: () => choose(made.value) } }, choices.map(([value, text]) => h("option", { value }, text)));
  made.value = chosen ?? "";
  return h("div", { class: "filter" }, h("label", { for: id }, label), made);
}

/** A search box for rows of filters; `changed(text)` hears it when nobody has typed for a moment. */
export function search(label, value, changed, { placeholder = "" } = {}) {
  const id = fresh("search");
  let waiting = 0;
  const tell = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => changed(made.value.trim()), 250);
  };
  const made = h("input", { id, type: "search", value: value ?? "", placeholder, spellcheck: "false", autocomplete: "off", on: { input: tell } });
  return h("div", { class: "filter grow" }, h("label", { for: id }, label), made);
}
