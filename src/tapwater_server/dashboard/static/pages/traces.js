// The newest traces: what began, how much followed from it, how long it took.

import { appFilter, appNames, askedApp } from "../seen/apps.js";
import { a, append, badge, count, h, head, ms, path, stamp, table } from "../ui.js";

export const title = "Traces";

export async function open({ el, api, live, query, setQuery, session, signal }) {
  const names = await appNames(api);
  let app = askedApp(names, session, query.get("app"));
  const list = table([
    { title: "When", kind: "tight", cell: (one) => a(path("traces", one.trace), { class: "plain" }, stamp(one.at, { exact: true })) },
    { title: "Began with", cell: (one) => [a(path("traces", one.trace), { class: "strong-link" }, one.name), " ", one.errors ? badge(`${one.errors} failed`, "bad") : null] },
    { title: "Function", hide: "phone", cell: (one) => a(path("apps", one.app, "functions", one.function), `${one.app} · ${one.function}`) },
    { title: "Calls", kind: "number", cell: (one) => count(one.calls) },
    { title: "Took", kind: "number", cell: (one) => ms(one.took_ms) },
  ], [], { caption: "Traces, the newest first", mark: (one) => (one.errors ? "bad" : null), none: { title: "No traces yet", says: "Every call is part of one: what it asked, and what followed from it.", icon: "traces" } });
  const look = async () => list.rows((await api.get("/traces", { app, limit: 50 })).traces);
  append(el, head("Traces", { says: "From the first call to the last thing that followed from it." }),
    h("div", { class: "filters" }, appFilter(names, session, app, (chosen) => {
      app = chosen || undefined;
      setQuery({ app: chosen });
      look();
    })),
    h("div", { class: "card" }, list));
  await live.every(3, look, signal);
}
