// Errors that are one and the same mistake, as one line each.

import { appFilter, appNames, askedApp } from "../seen/apps.js";
import { a, append, badge, chips, count, h, head, path, stamp, table } from "../ui.js";

export const title = "Errors";

const STATES = [["open", "Open"], ["resolved", "Resolved"], ["muted", "Muted"], ["", "All"]];

export async function open({ el, api, live, query, setQuery, session, signal }) {
  const names = await appNames(api);
  const asked = { app: askedApp(names, session, query.get("app")), state: query.get("state") ?? "open" };
  const list = table([
    { title: "Error", cell: (one) => [a(path("errors", one.id), { class: "strong-link" }, one.title || one.error || one.ending), h("p", { class: "says" }, one.where || one.ending.replaceAll("_", " "))] },
    { title: "Function", cell: (one) => a(path("apps", one.app, "functions", one.function), `${one.app} · ${one.function}`) },
    { title: "Times", kind: "number", cell: (one) => count(one.count) },
    { title: "State", cell: (one) => state(one) },
    { title: "First", hide: "phone", kind: "tight", cell: (one) => stamp(one.first_at) },
    { title: "Last", kind: "tight", cell: (one) => stamp(one.last_at) },
  ], [], { caption: "Groups of errors", none: { title: "No errors here", says: "When a function fails, calls that failed alike stand here as one line.", icon: "check" } });
  const look = async () => list.rows((await api.get("/faults", { ...asked, limit: 200 })).faults);
  const choose = (values) => {
    Object.assign(asked, values);
    setQuery({ ...values, state: asked.state === "open" ? null : asked.state || "all" });
    look();
  };
  if (asked.state === "all") asked.state = "";
  append(el, head("Errors", { says: "What failed alike is one line, however often it failed." }),
    h("div", { class: "filters" }, appFilter(names, session, asked.app, (app) => choose({ app: app || undefined })), chips("State", STATES, asked.state, (one) => choose({ state: one }))),
    h("div", { class: "card" }, list));
  await live.every(5, look, signal);
}

/** The state of a group as a badge. */
export function state(one) {
  if (one.state === "open") return one.regressed ? badge("came back", "warn") : badge("open", "bad");
  return badge(one.state, one.state === "resolved" ? "ok" : "");
}
