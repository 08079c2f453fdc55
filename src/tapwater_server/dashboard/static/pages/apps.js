// Every app: where it answers, what is live, how it goes.

import { spark } from "../charts.js";
import { overTime, RANGES, sums } from "../seen/series.js";
import { a, append, badge, count, empty, h, head, ms, path, table } from "../ui.js";

export const title = "Apps";

export async function open({ el, api, live, signal }) {
  const list = table([
    { title: "App", cell: (app) => [a(path("apps", app.name), { class: "strong-link" }, app.name), app.default ? [" ", badge("default", "info")] : null] },
    { title: "Answers at", kind: "wide", hide: "phone", cell: (app) => h("a", { href: app.url, target: "_blank", rel: "noopener" }, (app.hosts[0] ?? app.url).replace(/^https?:\/\//, "")) },
    { title: "Live", cell: (app) => weights(app.aliases.live) },
    { title: "Functions", kind: "number", cell: (app) => count(app.functions) },
    { title: "Calls (24 h)", kind: "number", cell: (app) => count(app.sum?.calls ?? 0) },
    { title: "Errors", kind: "number", cell: (app) => (app.sum?.errors ? h("span", { class: "bad-text" }, count(app.sum.errors)) : "0") },
    { title: "p50", kind: "number", hide: "phone", cell: (app) => (app.sum?.calls ? ms(app.sum.latency_ms.p50) : "–") },
    { title: "Last hour", hide: "phone", cell: (app) => spark(app.trend, { label: `Calls of ${app.name} in the last hour` }) },
  ], [], { caption: "Apps", none: { title: "Nothing is deployed yet", says: "An app is a folder of functions. Deploy one:", command: "tapwater init shop\ncd shop\ntapwater deploy", icon: "apps" } });
  append(el, head("Apps", { says: "Folders of functions, deployed together." }), h("div", { class: "card" }, list));
  const day = RANGES.find(([name]) => name === "24h");
  await live.every(10, async () => {
    const { apps } = await api.get("/apps");
    list.rows(await Promise.all(apps.map(async (app) => {
      const [sum, hour] = await Promise.all([sums(api, { app: app.name }, day), overTime(api, { app: app.name }, RANGES[1])]);
      return { ...app, sum: sum[0], trend: hour.points.map((one) => one.calls) };
    })));
  }, signal);
  if (!el.childElementCount) append(el, empty("No apps"));
}

/** How the traffic of an alias is split: "r3", or "r3 90 %, r2 10 %". */
export function weights(split) {
  const parts = Object.entries(split ?? {}).filter(([, weight]) => weight > 0).sort((one, other) => other[1] - one[1]);
  const whole = parts.reduce((sum, [, weight]) => sum + weight, 0);
  if (!parts.length) return h("span", { class: "quiet-text" }, "nothing");
  return h("span", { class: "row tight-row" }, parts.map(([number, weight]) => badge(parts.length > 1 ? `r${number} · ${Math.round((weight / whole) * 100)} %` : `r${number}`, parts.length > 1 ? "warn" : "ok")));
}
