// What stands above the page: dialogs, questions, short news.

import { append, fresh, h } from "./dom.js";
import { button } from "./parts.js";

/** Open a dialog; gives {el, close}. `build(body, close)` fills it. Escape and the cross close it. */
export function dialog(title, build, { wide = false, closed = null } = {}) {
  const id = fresh("dialog");
  const body = h("div", { class: "dialog-body" });
  const cross = button("", { icon: "close", kind: "quiet", title: "Close", on: () => el.close() });
  const el = h("dialog", { class: wide ? "dialog wide" : "dialog", "aria-labelledby": id },
    h("div", { class: "dialog-head" }, h("h2", { id }, title), cross), body);
  const before = document.activeElement;
  el.addEventListener("close", () => {
    el.remove();
    if (before instanceof HTMLElement && before.isConnected) before.focus();
    closed?.();
  });
  el.addEventListener("click", (event) => {
    if (event.target === el) el.close(); // The ground behind it.
  });
  const close = () => el.close();
  document.body.append(el);
  build(body, close);
  el.showModal();
  body.querySelector("input, textarea, select, button")?.focus();
  return { el, close };
}

/** Ask before something is done that cannot be undone. Gives a promise of true or false. */
export function confirm(title, says, { ok = "Do it", kind = "danger" } = {}) {
  return new Promise((resolve) => {
    let answer = false;
    dialog(title, (body, close) => {
      const yes = button(ok, { kind, on: () => {
        answer = true;
        close();
      } });
      append(body, h("p", {}, says), h("div", { class: "form-end" }, button("Cancel", { kind: "quiet", on: close }), yes));
    }, { closed: () => resolve(answer) });
  });
}

/** Say something for a few seconds; kind is ok, warn or bad. */
export function toast(text, kind = "ok") {
  const place = document.querySelector("#toasts");
  const made = h("div", { class: `toast ${kind}` }, h("span", {}, text));
  const gone = () => made.remove();
  made.append(button("", { icon: "close", kind: "quiet", small: true, title: "Dismiss", on: gone }));
  place.append(made);
  setTimeout(gone, kind === "bad" ? 12_000 : 5_000);
  while (place.childElementCount > 4) place.firstElementChild.remove();
}
