// A flame graph: where time went, by what called what. A click makes a frame as wide as the picture.

import { append, h, replace } from "../ui/dom.js";
import { exact, percent } from "../ui/format.js";

const TALL = 21;
const WIDE_MIN = 0.0015; // Of the picture: what is narrower cannot be seen.

/** Read folded stacks: lines of "main;f;g 12". */
export function folded(text) {
  const root = { name: "all", value: 0, children: new Map() };
  for (const line of text.split("\n")) {
    const found = /^(.*) (\d+(?:\.\d+)?)$/.exec(line.trim());
    if (!found) continue;
    const value = Number(found[2]);
    let node = root;
    node.value += value;
    for (const name of found[1].split(";")) {
      if (!node.children.has(name)) node.children.set(name, { name, value: 0, children: new Map() });
      node = node.children.get(name);
      node.value += value;
    }
  }
  return root;
}

/** Draw a tree of `folded`; `unit` says what is counted. */
export function flame(root, { label = "Flame graph", unit = "samples" } = {}) {
  const rows = h("div", { class: "flame-rows", role: "group", "aria-label": label });
  const said = h("p", { class: "says", role: "status" }, "Choose a frame to look closer.");
  const draw = (top) => {
    const cells = [];
    let deepest = 0;
    const place = (node, left, wide, depth) => {
      if (wide < WIDE_MIN) return;
      deepest = Math.max(deepest, depth);
      cells.push(cell(node, left, wide, depth, top));
      let at = left;
      for (const child of [...node.children.values()].sort((one, other) => other.value - one.value)) {
        const share = node.value ? (child.value / node.value) * wide : 0;
        place(child, at, share, depth + 1);
        at += share;
      }
    };
    if (top !== root) cells.push(cell(root, 0, 1, 0, top));
    place(top, 0, 1, top === root ? 0 : 1);
    replace(rows, cells);
    rows.style.setProperty("height", `${(deepest + 1) * TALL}px`);
    replace(said, `${top.name}: ${exact(top.value)} ${unit}, ${percent(root.value ? top.value / root.value : 0)} of all`);
  };
  const cell = (node, left, wide, depth, top) => {
    const made = h("button", { type: "button", class: `flame-cell f${hue(node.name)}${node === root && top !== root ? " dim" : ""}`, title: `${node.name}: ${exact(node.value)} ${unit}`,
      on: { click: () => draw(node === top ? root : node) } }, node.name);
    made.style.setProperty("left", `${left * 100}%`);
    made.style.setProperty("width", `calc(${wide * 100}% - 1px)`);
    made.style.setProperty("top", `${depth * TALL}px`);
    return made;
  };
  draw(root);
  return append(h("div", { class: "flame" }), rows, said);
}

function hue(name) {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) % 997;
  return sum % 5;
}
