// Schedules: what runs when, what ran last, and new ones.

import { a, append, badge, button, card, clip, dialog, form, h, head, href, path, replace, stamp } from "../ui.js";
import { appOf } from "../ui/appchoice.js";
import { attempt, explain, sure } from "../ui/asking.js";
import { jsonField } from "../ui/jsonfield.js";
import { listing } from "../ui/listing.js";
import { lookOften } from "../ui/looking.js";

export const title = "Schedules";

const LOOK_S = 5;
const PAGE = 500;
const PREVIEW = 5;

export async function open({ el, query, api, live, go, signal }) {
  const found = await appOf({ el, api, wanted: query.get("app"), choose: (app) => go("schedules", { app }), title });
  if (!found) return;
  const page = new Schedules(found.app, found.service);
  append(el,
    head(title, { says: "What runs by the clock: schedules made here or by the app, and those that functions say in their files.", actions: [
      found.picker,
      button("New schedule…", { kind: "primary", icon: "plus", on: () => page.edit(null) }),
    ] }),
    card("Schedules", { flush: true }, page.list.el),
    card("In functions' files", { flush: true, says: "Changed by a deploy." }, page.triggers.el));
  await lookOften(live, LOOK_S, () => page.look(), signal);
}

class Schedules {
  constructor(app, service) {
    Object.assign(this, { app, service });
    this.list = listing({
      caption: "Schedules", key: (row) => row.name,
      none: { title: "No schedules yet", says: "Make one here, or with the command line:", command: `tapwater schedules set nightly '0 3 * * *' --target queue:jobs --app ${app}`, icon: "schedules" },
      columns: [
        { title: "Name", cell: (row) => button(row.name, { kind: "quiet link", on: () => this.edit(row) }) },
        { title: "When", kind: "mono nowrap", cell: (row) => row.times || "once" },
        { title: "What", kind: "wide", cell: (row) => this.target(row.target) },
        { title: "Next", cell: (row) => (row.paused ? badge("paused", "warn") : moment(row.next)) },
        { title: "Last", cell: (row) => [moment(row.last), row.last && row.target.startsWith("function:") ? [" ", this.runs(row.target.slice(9))] : null] },
        { title: "", says: "Actions", kind: "actions", cell: (row) => this.actions(row) },
      ],
    });
    this.triggers = listing({
      caption: "Schedules in functions' files", key: (row) => `${row.function} ${row.times}`,
      none: { title: "No function has a schedule", says: "Write @on.schedule(\"0 3 * * *\") above a function of a reactive folder." },
      columns: [
        { title: "Function", kind: "wide", cell: (row) => a(path("apps", app, "functions", row.function), {}, row.function) },
        { title: "When", kind: "mono nowrap", cell: (row) => row.times },
        { title: "Zone", cell: (row) => row.zone, hide: "phone" },
        { title: "Next", cell: (row) => moment(row.next) },
        { title: "", says: "Actions", kind: "actions", cell: (row) => [this.runs(row.function), " ", button("Run now", { small: true, icon: "play", title: `Run ${row.function} now`, on: () => this.runFunction(row) })] },
      ],
    });
  }

  async look() {
    const { schedules, triggers } = await this.service.get("/schedules", { limit: PAGE });
    this.list.show(schedules);
    this.triggers.show(triggers);
  }

  target(text) {
    const [kind, name] = [text.slice(0, text.indexOf(":")), text.slice(text.indexOf(":") + 1)];
    if (kind === "function") return a(path("apps", this.app, "functions", name), {}, name);
    if (kind === "queue") return [badge("queue", "info"), " ", a("queues", { href: href("queues", { app: this.app, queue: name }) }, name)];
    return [badge(kind, "info"), " ", clip(name)];
  }

  /** Where its runs are seen. */
  runs(name) {
    return a("invocations", { href: href("invocations", { app: this.app, function: name }) }, "Runs", h("span", { class: "only-heard" }, ` of ${name}`));
  }

  actions(row) {
    const turn = row.paused ? ["resume", "Resume", "play"] : ["pause", "Pause", "pause"];
    return [
      button("Run now", { small: true, icon: "play", title: `Run ${row.name} now`, on: () => this.act(row, "run", `${row.name} runs now.`) }),
      button("", { small: true, kind: "quiet", icon: turn[2], title: `${turn[1]} ${row.name}`, on: () => this.act(row, turn[0], `${row.name}: ${row.paused ? "resumed" : "paused"}.`) }),
      button("", { small: true, kind: "quiet", icon: "trash", title: `Remove ${row.name}`, on: () => this.remove(row) }),
    ];
  }

  act(row, verb, done) {
    return attempt(async () => {
      await this.service.post(`/schedules/${path(row.name)}/${verb}`);
      await this.look();
    }, done);
  }

  runFunction(row) {
    return attempt(() => this.service.post("/schedules/-/run", { function: row.function }), `${row.function} runs now.`);
  }

  remove(row) {
    return sure(`Remove ${row.name}?`, `The schedule ${row.name} (${row.times || "once"}) is removed: ${row.target} is not told any more.`, async () => {
      await this.service.delete(`/schedules/${path(row.name)}`);
      await this.look();
    }, { ok: "Remove", done: `${row.name} was removed.` });
  }

  /** Make a schedule, or change `row`. */
  edit(row) {
    dialog(row ? row.name : "New schedule", (body, close) => {
      const payload = jsonField({ label: "Payload", value: row?.payload ?? null, rows: 4 });
      const next = h("p", { class: "help next-runs", "aria-live": "polite" });
      const made = form([...fields(row), payload.el, next], async (values) => {
        const read = payload.read();
        if (!read) return;
        const { name, once, times, ...rest } = values;
        const when = once ? { at: times } : { times };
        await this.service.put(`/schedules/${path(row?.name ?? name)}`, { ...rest, ...when, payload: read.value, paused: row?.paused ?? false });
        await this.look();
        close();
      }, { cancel: close });
      made.addEventListener("input", () => this.preview(made.values(), next));
      append(body, made);
      this.preview(made.values(), next);
    });
  }

  /** Say when it would run. */
  async preview({ times, zone, once }, place) {
    if (!times || once) return replace(place);
    const asked = `${times} ${zone}`;
    this.asked = asked;
    try {
      const found = await this.service.get("/schedules/-/next", { times, zone, count: PREVIEW });
      if (this.asked === asked) replace(place, "Next: ", found.next.map(clock).join(", "));
    } catch (error) {
      if (this.asked === asked && error.name !== "AbortError") replace(place, explain(error));
    }
    return place;
  }
}

function fields(row) {
  const named = row ? [] : [{ name: "name", label: "Name", required: true, placeholder: "nightly" }];
  return [
    ...named,
    { name: "times", label: "When", required: true, value: row?.times || row?.at || "", placeholder: "0 3 * * *  or  every 5m", says: "Cron, or every 5m; for once: 2027-01-31T09:00:00" },
    { name: "once", label: "Only once, at that time", kind: "checkbox", value: Boolean(row?.at) },
    { name: "zone", label: "Time zone", value: row?.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone, required: true },
    { name: "target", label: "What", required: true, value: row?.target ?? "", placeholder: "function:group/name, queue:jobs, topic:news or event:my.type" },
    { name: "missed", label: "Times that were missed", kind: "select", value: row?.missed ?? "once", choices: [["once", "make up for them once"], ["all", "make up for all"], ["skip", "skip them"]] },
    { name: "overlap", label: "When the last run still runs", kind: "select", value: row?.overlap ?? "skip", choices: [["skip", "skip this time"], ["allow", "run beside it"]] },
  ];
}

function moment(text) {
  return text ? stamp(new Date(text).getTime() / 1000) : "–";
}

function clock(text) {
  return text.replace("T", " ").replace(/:\d\d([+-]|Z|$).*/, "");
}
