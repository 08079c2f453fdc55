// What a deploy changed in the code of functions, line by line.

import { badge, h, note, path, problem, replace, skeleton } from "../ui.js";
import { diff } from "./diff.js";

const AROUND = 3; // Lines shown beside a change.
const FUNCTIONS_MAX = 100;

/** Put the changes between two revisions into a box; a second time takes them out. */
export async function showCode(api, base, one, before, box) {
  if (box.childElementCount) {
    replace(box);
    return;
  }
  replace(box, skeleton(3));
  try {
    const names = [...new Set([...one.functions, ...before.functions].map((each) => each.name))].sort();
    const texts = await Promise.all(names.slice(0, FUNCTIONS_MAX).map(async (name) => [name, await source(api, base, name, before.number), await source(api, base, name, one.number)]));
    const changed = texts.filter(([, was, is]) => was !== is);
    replace(box, h("div", { class: "code-changes" },
      changed.length ? changed.map(([name, was, is]) => h("div", {}, h("h3", {}, name, " ", was === null ? badge("new", "ok") : is === null ? badge("removed", "bad") : null), lines(was ?? "", is ?? "", name)))
        : h("p", { class: "says" }, "The files of the functions are the same. What they import may differ."),
      names.length > FUNCTIONS_MAX ? note("info", `Of ${names.length} functions the first ${FUNCTIONS_MAX} are compared.`) : null));
  } catch (error) {
    if (error.name !== "AbortError") replace(box, problem(error));
  }
}

/** The source of a function in a revision; null: it had none of that name. */
async function source(api, base, name, number) {
  try {
    return (await api.get(`${base}/${path("source", name)}`, { revision: number })).text;
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

function lines(was, is, name) {
  const all = diff(was, is);
  if (!all) return h("p", { class: "says" }, "It was written anew: too much differs to be shown line by line.");
  const near = all.map((_, at) => all.slice(Math.max(0, at - AROUND), at + AROUND + 1).some((line) => line.kind !== "same"));
  const rows = [];
  for (const [at, line] of all.entries()) {
    if (near[at]) rows.push(row(line));
    else if (at === 0 || near[at - 1]) rows.push(h("div", { class: "cut" }, "…"));
  }
  return h("div", { class: "diff", tabindex: "0", role: "group", "aria-label": `Changes of ${name}` }, rows);
}

function row(line) {
  const mark = { new: "+", gone: "−", same: "" }[line.kind];
  return h("div", { class: line.kind }, h("i", {}, line.was ?? ""), h("i", {}, line.is ?? ""), h("b", {}, mark), h("span", {}, line.text || " "));
}
