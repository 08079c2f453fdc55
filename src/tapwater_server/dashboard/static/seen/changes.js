// What a revision changed, function by function, against the one before.

import { badge, h } from "../ui.js";

const COMPARED = [
  ["file", "file"], ["kind", "kind"], ["style", "style"], ["verbs", "verbs"], ["triggers", "triggers"],
  ["limits", "limits"], ["auth", "who may call"], ["egress", "egress"],
];

/** A list of what is new, gone and set otherwise. */
export function changes(one, before) {
  if (!before) return h("p", { class: "deploy-changes says" }, `The first revision that is kept, with ${one.functions.length} functions.`);
  const was = new Map(before.functions.map((each) => [each.name, each]));
  const is = new Map(one.functions.map((each) => [each.name, each]));
  const rows = [
    ...[...is.keys()].filter((name) => !was.has(name)).map((name) => [badge("new", "ok"), name, is.get(name).description]),
    ...[...was.keys()].filter((name) => !is.has(name)).map((name) => [badge("removed", "bad"), name, ""]),
    ...[...is.entries()].filter(([name]) => was.has(name)).map(([name, each]) => [badge("changed", "warn"), name, differences(was.get(name), each)]).filter(([, , says]) => says),
  ];
  if (one.python !== before.python) rows.unshift([badge("changed", "warn"), "Python", `${before.python} → ${one.python}`]);
  if (!rows.length) return h("p", { class: "deploy-changes says" }, "The same functions with the same settings as before; their code may differ.");
  return h("ul", { class: "deploy-changes" }, rows.map(([mark, name, says]) => h("li", {}, mark, h("span", { class: "mono" }, name), h("span", { class: "says" }, says))));
}

function differences(was, is) {
  return COMPARED.map(([key, words]) => {
    if (JSON.stringify(was[key]) === JSON.stringify(is[key])) return null;
    if (key !== "limits") return `${words}: ${say(was[key])} → ${say(is[key])}`;
    return Object.keys(is.limits).filter((name) => was.limits[name] !== is.limits[name]).map((name) => `${name}: ${say(was.limits[name])} → ${say(is.limits[name])}`).join(", ");
  }).filter(Boolean).join("; ");
}

function say(value) {
  if (value === null || value === undefined || value.length === 0) return "nothing";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
