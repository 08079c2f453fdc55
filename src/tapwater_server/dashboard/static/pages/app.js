// One app: its functions, what was deployed when, who gets which revision, where it answers.

import { callsChart, latencyChart, overTime, rangeChips, rangeOf, sums } from "../seen/series.js";
import { a, append, badge, button, card, confirm, count, h, head, kv, ms, note, path, replace, stamp, stat, stats, table, tabs, toast } from "../ui.js";
import { changes } from "../seen/changes.js";
import { showCode } from "../seen/codechanges.js";
import { splitEditor } from "../seen/traffic.js";
import { weights } from "./apps.js";

export const title = (params) => params.app;

const LOOK_S = 10;

export async function open(page) {
  const { el, params, api, query, setQuery } = page;
  const base = `/${path("apps", params.app)}`;
  const app = await api.get(base);
  const made = app.revision.functions.find((one) => one.foreign)?.foreign; // By another cloud's tools.
  const answers = app.revision.functions.length > 0 && !made;
  const links = (answers ? app.urls : []).map((url) => h("a", { class: "button", href: url, target: "_blank", rel: "noopener" }, "Open"));
  append(el,
    head(app.name, { crumbs: [["Apps", "apps"]], mark: made ? badge("Lambda", "info") : app.default ? badge("default", "info") : null, says: made ? made.arn : answers ? app.urls[0]?.replace(/^https?:\/\//, "") : app.revision.note, actions: [a("logs", { href: `/_/logs?app=${encodeURIComponent(app.name)}`, class: "button" }, "Logs"), ...links.slice(0, 1)] }),
    tabs([
      { id: "functions", title: "Functions", open: (panel) => functions(panel, page, app) },
      { id: "deploys", title: "Deploys", open: (panel) => deploys(panel, page, base, made) },
      { id: "traffic", title: "Traffic", open: (panel) => traffic(panel, page, base, made) },
      { id: "settings", title: "Settings", open: (panel) => settings(panel, page, app) },
    ], { chosen: query.get("tab") ?? "functions", label: "Parts of the app", changed: (id) => setQuery({ tab: id === "functions" ? null : id }) }));
}

function functions(panel, { api, live, params, query, setQuery, signal }, app) {
  let range = rangeOf(query);
  const numbers = h("div", {});
  const calls = callsChart();
  const latency = latencyChart();
  const list = table([
    { title: "Function", cell: (one) => [a(path("apps", app.name, "functions", one.name), { class: "strong-link" }, one.name), one.warnings.length ? [" ", badge("warning", "warn")] : null, h("p", { class: "says" }, one.description)] },
    { title: "Runs on", hide: "phone", cell: (one) => runsOn(one) },
    { title: "Calls", kind: "number", cell: (one) => count(one.sum?.calls ?? 0) },
    { title: "Errors", kind: "number", cell: (one) => (one.sum?.errors ? h("span", { class: "bad-text" }, count(one.sum.errors)) : "0") },
    { title: "p50", kind: "number", hide: "phone", cell: (one) => (one.sum?.calls ? ms(one.sum.latency_ms.p50) : "–") },
    { title: "p99", kind: "number", cell: (one) => (one.sum?.calls ? ms(one.sum.latency_ms.p99) : "–") },
    { title: "Cold", kind: "number", hide: "phone", cell: (one) => count(one.sum?.cold ?? 0) },
  ], [], { caption: "Functions of the app", none: { title: "No functions", says: app.revision.note } });
  const look = async () => {
    const asked = { app: params.app };
    const [series, whole, each] = await Promise.all([overTime(api, asked, range), sums(api, asked, range), sums(api, { ...asked, by: "function" }, range)]);
    const known = new Map(each.map((one) => [one.key[0], one]));
    list.rows(app.revision.functions.map((one) => ({ ...one, sum: known.get(one.name) })));
    calls.show(series);
    latency.show(series);
    const sum = whole[0];
    replace(numbers, stats(
      stat("Calls", count(sum?.calls ?? 0)),
      stat("Errors", count(sum?.errors ?? 0), { kind: sum?.errors ? "bad" : "" }),
      stat("p50", sum ? ms(sum.latency_ms.p50) : "–"),
      stat("p99", sum ? ms(sum.latency_ms.p99) : "–"),
      stat("Cold starts", count(sum?.cold ?? 0))));
  };
  append(panel,
    h("div", { class: "row between" }, h("p", { class: "says" }, "Live: ", weights(app.aliases.live)), rangeChips(query, setQuery, (next) => {
      range = next;
      look();
    })),
    numbers, h("div", { class: "card" }, list), h("div", { class: "grid" }, card("Calls", calls.el), card("How long calls take", latency.el)));
  live.every(LOOK_S, look, signal);
}

/** What makes a function run, in a few words. */
export function runsOn(one) {
  if (one.foreign) return h("span", { class: "mono" }, `Lambda ${one.foreign.name} ${one.foreign.version} · ${one.foreign.runtime} · ${one.foreign.handler}`);
  if (one.kind === "restful") return h("span", { class: "mono" }, `${one.verbs.filter((verb) => !["HEAD", "OPTIONS"].includes(verb)).join(", ") || "any"} ${pathOf(one.url)}`);
  return one.triggers.map((trigger) => h("span", { class: "mono" }, `${trigger.source.replaceAll("_", " ")} ${Object.values(trigger.arguments).filter((value) => typeof value === "string").join(" ")}`));
}

function pathOf(url) {
  try {
    return decodeURI(new URL(url).pathname);
  } catch {
    return url ?? "";
  }
}

async function deploys(panel, { api, live, go, signal }, base, made) {
  if (made) append(panel, elsewhere(made));
  const box = h("div", { class: "stack" });
  append(panel, box);
  let shown = "";
  live.every(LOOK_S, async () => {
    const { revisions } = await api.get(`${base}/revisions`);
    const text = JSON.stringify(revisions.map((one) => [one.number, one.aliases]));
    if (text === shown) return;
    shown = text;
    replace(box, revisions.map((one, at) => revision(one, revisions[at + 1], { api, base, made, again: () => {
      shown = "";
      go(location.pathname.slice("/_/".length), { tab: "deploys" });
    } })));
  }, signal);
}

function revision(one, before, { api, base, made, again }) {
  const names = Object.entries(one.aliases);
  const live = names.some(([name]) => name === "live");
  const roll = async () => {
    if (!(await confirm(`Roll back to r${one.number}?`, `All live traffic goes to r${one.number} at once. The newer revision stays, and can be put back in the same way.`, { ok: `Roll back to r${one.number}`, kind: "primary" }))) return;
    await tried(() => api.post(`${base}/rollback`, { to: one.number }), `r${one.number} is live.`, again);
  };
  const remove = async () => {
    if (!(await confirm(`Remove r${one.number}?`, "Its code is deleted. This cannot be undone.", { ok: "Remove it" }))) return;
    await tried(() => api.delete(`${base}/revisions/${one.number}`), `r${one.number} is removed.`, again);
  };
  const codeBox = h("div", {});
  const actions = [before ? button("Code changes", { small: true, title: `Code changes of r${one.number}`, on: () => showCode(api, base, one, before, codeBox) }) : null, made ? null : h("a", { class: "button small", href: one.preview, target: "_blank", rel: "noopener" }, "Preview")];
  if (!live && !made) actions.push(button("Roll back", { small: true, icon: "replay", on: roll, title: `Roll back to r${one.number}` }));
  if (!names.length && !made) actions.push(button("", { small: true, kind: "quiet", icon: "trash", title: `Remove r${one.number}`, on: remove }));
  return h("article", { class: live ? "card deploy live" : "card deploy" },
    h("div", { class: "deploy-head" },
      h("div", {}, h("h2", {}, `r${one.number}`, " ", names.map(([name, weight]) => [badge(weight === 100 ? name : `${name} ${weight} %`, name === "live" ? "ok" : "info"), " "])), h("p", { class: "says" }, one.note ? `${one.note} · ` : "", stamp(one.created_at), ` · Python ${one.python} · ${one.functions.length} functions`)),
      h("div", { class: "actions" }, actions)),
    changes(one, before), before ? codeBox : null);
}

async function tried(step, said, again) {
  try {
    await step();
    toast(said);
    again();
  } catch (error) {
    toast(error.detail ?? error.message, "bad");
  }
}

/** Who says which version runs. */
function elsewhere(made) {
  return note("info", h("p", {}, `Versions and aliases of ${made.name} are Lambda's: publish and move them with the AWS CLI, or with its stack.`));
}

async function traffic(panel, { api }, base, made) {
  const box = h("div", { class: "stack" });
  append(panel, box);
  const look = async () => {
    const [{ aliases }, { revisions }] = await Promise.all([api.get(`${base}/aliases`), api.get(`${base}/revisions`)]);
    replace(box, Object.entries(aliases).sort(([one], [other]) => (one === "live" ? -1 : other === "live" ? 1 : one.localeCompare(other))).map(([name, split]) =>
      made ? card(name, weights(split)) : splitEditor(name, split, revisions.map((one) => one.number), async (next) => {
        await api.put(`${base}/${path("aliases", name)}`, { weights: next });
        toast(`The traffic of ${name} is split anew.`);
        await look();
      }, name === "live" ? null : async () => {
        await tried(() => api.delete(`${base}/${path("aliases", name)}`), `${name} is removed.`, look);
      })),
    made ? elsewhere(made) : h("p", { class: "says" }, "An alias is a movable name for revisions. Make another one with ", h("code", {}, "tapwater deploy --alias canary"), "; it answers at canary--APP on this server's name."));
  };
  await look();
}

function settings(panel, { session, api, go }, app) {
  const makeDefault = async () => {
    await tried(() => api.put("/settings/default-app", { app: app.name }), `${app.name} answers on the bare host.`, () => go(path("apps", app.name), { tab: "settings" }));
  };
  const remove = async () => {
    if (!(await confirm(`Remove ${app.name}?`, "Its code, data, blobs, users, secrets and events are deleted. This cannot be undone.", { ok: `Remove ${app.name}` }))) return;
    await tried(() => api.delete(`/${path("apps", app.name)}`), `${app.name} is removed.`, () => go("apps"));
  };
  append(panel,
    h("div", { class: "grid" },
      card("Where it answers", kv([
        ["Addresses", h("ul", {}, app.urls.map((url) => h("li", {}, h("a", { href: url, target: "_blank", rel: "noopener" }, url))))],
        ["Own hosts", app.hosts.length ? app.hosts.join(", ") : h("span", { class: "quiet-text" }, "none (hosts in tapwater.toml)")],
        ["Bare host", app.default ? "this app answers there" : session.admin ? button("Answer there", { small: true, on: makeDefault }) : "another app, or none"],
      ])),
      card("Of the live revision", kv([
        ["Revision", `r${app.revision.number}`],
        ["Python", app.revision.python],
        ["Deployed", stamp(app.revision.created_at)],
        ["Secrets and tokens", a("settings", { href: `/_/settings?app=${encodeURIComponent(app.name)}` }, "in the settings")],
      ]))),
    card("Remove", { kind: "bad" }, h("p", {}, "Removing an app deletes its code and everything it keeps."), h("p", { class: "row" }, button(`Remove ${app.name}…`, { kind: "danger", icon: "trash", on: remove }))));
}
