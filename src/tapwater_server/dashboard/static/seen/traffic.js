// How the traffic of an alias is split between revisions, and how one changes it.

import { append, badge, button, card, fresh, h, problem, replace } from "../ui.js";

/** An editor of one alias. `save(weights)`; `remove()` or null. Shares add up to 100. */
export function splitEditor(name, split, numbers, save, remove) {
  const before = JSON.stringify(split);
  let parts = Object.entries(split).map(([number, weight]) => ({ number, weight }));
  const rows = h("div", { class: "split-rows" });
  const total = h("p", { class: "says", role: "status" });
  const failed = h("div", {});
  const keep = button("Save", { kind: "primary", small: true, on: async () => {
    replace(failed);
    keep.disabled = true;
    try {
      await save(asWeights(parts));
    } catch (error) {
      replace(failed, problem(error));
      keep.disabled = false;
    }
  } });
  const more = button("Add a revision", { small: true, icon: "plus", on: () => {
    const free = numbers.find((number) => !parts.some((part) => Number(part.number) === number));
    if (free === undefined) return;
    parts.push({ number: String(free), weight: 0 });
    draw();
    rows.lastElementChild.querySelector("input[type=range]").focus();
  } });

  function settle() {
    const sum = parts.reduce((whole, part) => whole + part.weight, 0);
    keep.disabled = sum !== 100 || JSON.stringify(asWeights(parts)) === before;
    replace(total, sum === 100 ? "" : `The shares add up to ${sum} %; they must be 100 %.`);
  }

  function row(part, at) {
    const id = fresh("share");
    const said = h("output", { for: id }, `${part.weight} %`);
    const range = h("input", { type: "range", id, min: 0, max: 100, step: 1, value: part.weight, "aria-label": `Share of revision ${part.number}`, on: { input: () => {
      part.weight = Number(range.value);
      if (parts.length === 2) {
        const other = parts[1 - at]; // With two there is only one way to make it 100.
        other.weight = 100 - part.weight;
        draw(at);
      } else replace(said, `${part.weight} %`);
      settle();
    } } });
    return h("div", { class: "split-row" }, badge(`r${part.number}`, part.weight > 0 ? "ok" : ""), range, said,
      parts.length > 1 ? button("", { icon: "close", kind: "quiet", small: true, title: `Take r${part.number} out`, on: () => {
        parts = parts.filter((one) => one !== part);
        if (parts.length === 1) parts[0].weight = 100;
        draw();
      } }) : null);
  }

  function draw(focused = null) {
    replace(rows, parts.map(row));
    if (focused !== null) rows.children[focused].querySelector("input").focus();
    more.disabled = parts.length >= numbers.length;
    settle();
  }

  draw();
  const actions = [more, remove ? button("", { icon: "trash", kind: "quiet", small: true, title: `Remove the alias ${name}`, on: remove }) : null].filter(Boolean);
  return card(name, { says: name === "live" ? "Where the app answers" : "An alias", actions }, append(h("div", { class: "split" }), rows, total, failed, h("div", { class: "form-end" }, keep)));
}

function asWeights(parts) {
  return Object.fromEntries(parts.filter((part) => part.weight > 0).map((part) => [String(part.number), part.weight]));
}
