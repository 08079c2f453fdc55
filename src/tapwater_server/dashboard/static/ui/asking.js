// Forms in dialogs, and questions before what destroys something.

import { append, h } from "./dom.js";
import { confirm, dialog, toast } from "./dialogs.js";
import { form } from "./form.js";
import { jsonField } from "./jsonfield.js";

/** Ask for values in a dialog. `fields` as in `form`, and {kind: "json", want} as a field that checks itself; `send(values)` does
 * it: what it throws is shown and the dialog stays. Gives a promise of what `send` gave, null when it was closed. */
export function ask(title, fields, send, { submit = "Save", kind = "primary", wide = false, says = null } = {}) {
  return new Promise((resolve) => {
    let outcome = null;
    dialog(title, (body, close) => {
      const checked = new Map();
      const made = form(fields.map((one) => (one.kind === "json" ? json(one, checked, () => made.requestSubmit()) : one)), async (values) => {
        for (const [name, one] of checked) {
          const found = one.optional && !one.area.value.trim() ? { value: undefined } : one.read();
          if (!found) return;
          values[name] = found.value;
        }
        outcome = (await send(values)) ?? true;
        close();
      }, { submit, kind, cancel: close });
      append(body, says ? h("p", { class: "says" }, says) : null, made);
    }, { wide, closed: () => resolve(outcome) });
  });
}

function json(one, checked, save) {
  const made = jsonField({ ...one, hint: one.says, save });
  made.optional = !one.required;
  checked.set(one.name, made);
  return made.el;
}

/** Ask, then do it, then say that it is done: what it throws is said too. True when it was done. */
export async function sure(title, says, doing, { ok = "Delete", done = null, kind = "danger" } = {}) {
  if (!(await confirm(title, says, { ok, kind }))) return false;
  return attempt(doing, done);
}

/** Do something a button stands for, and say how it went. `done`: a text, or a function of what it gave. */
export async function attempt(doing, done = null) {
  try {
    const given = await doing();
    if (done) toast(typeof done === "function" ? done(given) : done);
    return true;
  } catch (error) {
    if (error.name !== "AbortError") toast(explain(error), "bad");
    return false;
  }
}

/** What an error of the API says, in one text. */
export function explain(error) {
  const more = (error.problems ?? []).map((one) => `${one.where} ${one.what}`);
  const said = error.detail ?? error.message;
  return [said, ...more.filter((one) => !said.includes(one))].join("; ");
}

/** "1 message", "2 messages" */
export function many(count, one, more = `${one}s`) {
  return `${count} ${count === 1 ? one : more}`;
}

/** Seconds since the epoch as a field for local times wants them. */
export function local(at) {
  const date = new Date(at * 1000);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

/** What such a field says, in seconds since the epoch; undefined: nothing. */
export function moment(text) {
  return text ? new Date(text).getTime() / 1000 : undefined;
}
