// Every app: where it answers, what is live, how it goes.

import { spark } from "../charts.js";
import { overTimeBy, RANGES, sums } from "../seen/series.js";
import { a, append, badge, count, empty, h, head, ms, path, table } from "../ui.js";

export const title = "Apps";

const POINTS_MAX = 10_000; // Of one answer.

/** The sums of a day and the calls of each minute of the last hour, by app. Holders of a token must name each of theirs. */
async function sumsOf(api, apps, session, day) {
  const hour = RANGES[1].with(3, Math.max(1, Math.ceil((60 * apps.length) / POINTS_MAX)) * 60); // A longer step for many.
  const asked = session.admin ? [{ by: "app" }] : apps.map((app) => ({ app: app.name, by: "app" }));
  const answers = await Promise.all(asked.map((one) => Promise.all([sums(api, one, day), overTimeBy(api, one, hour)])));
  const each = new Map(answers.flatMap(([sum]) => sum).map((one) => [one.key[0], one]));
  return [each, new Map(answers.flatMap(([, trend]) => [...trend]))];
}

export async function open({ el, api, live, session, signal }) {
  const list = table([
    { title: "App", cell: (app) => [a(path("apps", app.name), { class: "strong-link" }, app.name), app.default ? [" ", badge("default", "info")] : null, app.cloud ? [" ", badge("Lambda", "info")] : null, app.functions ? null : h("p", { class: "says" }, app.note)] },
    { title: "Answers at", kind: "wide", hide: "phone", cell: (app) => app.cloud || !app.functions ? h("span", { class: "quiet-text" }, app.cloud ? "called by AWS's tools" : "–") : h("a", { href: app.url, target: "_blank", rel: "noopener" }, (app.hosts[0] ?? app.url).replace(/^https?:\/\//, "")) },
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
    const [each, trends] = await sumsOf(api, apps, session, day);
    list.rows(apps.map((app) => ({ ...app, sum: each.get(app.name), trend: trends.get(app.name) ?? [] })));
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
