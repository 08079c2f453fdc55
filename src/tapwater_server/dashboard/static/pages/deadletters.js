// Dead letters: what could not be delivered is kept until somebody says what becomes of it.

import { a, append, button, card, count, dialog, h, head, json, kv, path, search, select, stamp, time } from "../ui.js";
import { appOf } from "../ui/appchoice.js";
import { attempt, many, sure } from "../ui/asking.js";
import { listing } from "../ui/listing.js";
import { lookOften } from "../ui/looking.js";

export const title = "Dead letters";

const LOOK_S = 5;
const PAGE = 100;

export async function open({ el, query, api, live, go, setQuery, signal }) {
  const found = await appOf({ el, api, wanted: query.get("app"), choose: (app) => go("deadletters", { app }), title });
  if (!found) return;
  const page = new Letters({ app: found.app, service: found.service, setQuery, query });
  const lines = (await found.service.get("/events/lines")).lines;
  append(el, head(title, { says: "What could not be delivered, and why. Try it again when the cause is mended, or throw it away." }),
    page.draw(found.picker, lines));
  await lookOften(live, LOOK_S, () => page.look(), signal);
}

class Letters {
  constructor({ app, service, setQuery, query }) {
    Object.assign(this, { app, service, setQuery });
    this.filter = { function: query.get("function") ?? "", queue: query.get("queue") ?? "", reason: query.get("reason") ?? "" };
    this.limit = PAGE;
  }

  draw(picker, lines) {
    this.list = listing({
      caption: "Dead letters", key: (row) => row.id, label: (row) => `the letter to ${to(row)}`, ticked: (rows) => this.tell(rows),
      none: { title: "No dead letters", says: "All that was accepted has been delivered, or still waits to be.", icon: "check" },
      columns: [
        { title: "To", cell: (row) => button(to(row), { kind: "quiet link", on: () => attempt(() => this.open(row)) }) },
        { title: "Why", kind: "wide", cell: (row) => h("span", { class: "reason" }, row.reason || "–") },
        { title: "Attempts", kind: "number", cell: (row) => count(row.attempt) },
        { title: "Died", cell: (row) => stamp(row.settled_at || row.published_at) },
        { title: "", says: "Actions", kind: "actions", cell: (row) => [
          button("Replay", { small: true, icon: "replay", title: `Try ${to(row)} again`, on: () => this.revive({ ids: [row.id] }) }),
          button("", { small: true, icon: "trash", kind: "quiet", title: `Drop the letter to ${to(row)}`, on: () => this.drop({ ids: [row.id] }, `the letter to ${to(row)}`) }),
        ] },
      ],
    });
    this.replays = button("Replay", { icon: "replay", on: () => this.revive(this.which()) });
    this.drops = button("Drop…", { icon: "trash", kind: "danger", on: () => this.drop(this.which(), this.named()) });
    this.more = h("div", { class: "card-foot", hidden: true }, button("Show more", { small: true, on: () => this.further() }));
    const filters = h("div", { class: "filters" }, picker,
      select("To", choices(lines, this.filter), chosen(this.filter), (value) => this.narrow(lineOf(value))),
      search("Reason has", this.filter.reason, (reason) => this.narrow({ reason }), { placeholder: "timed out" }));
    return [filters, card("Letters", { flush: true, actions: [this.replays, this.drops] }, this.list.el, this.more)];
  }

  narrow(change) {
    Object.assign(this.filter, change);
    this.setQuery({ app: this.app, ...this.filter });
    attempt(() => this.look());
  }

  further() {
    this.limit = Math.min(500, this.limit + PAGE);
    attempt(() => this.look());
  }

  async look() {
    const { deliveries } = await this.service.get("/events/dead", { ...this.filter, limit: this.limit });
    this.shown = deliveries.length;
    this.list.show(deliveries);
    this.more.hidden = deliveries.length < this.limit || this.limit === 500;
    this.tell(this.list.chosen());
  }

  /** The buttons act on what is ticked; with nothing ticked on all that the filter fits. */
  tell(rows) {
    const some = rows.length > 0;
    const of = some ? many(rows.length, "letter") : "all that fit";
    for (const [made, verb] of [[this.replays, "Replay"], [this.drops, "Drop"]]) {
      made.disabled = !this.shown && !some;
      made.querySelector("span").textContent = `${verb} ${of}${verb === "Drop" ? "…" : ""}`;
    }
  }

  which() {
    const ids = this.list.chosen().map((row) => row.id);
    if (ids.length) return { ids };
    const { function: name, queue, reason } = this.filter;
    return name || queue || reason ? { function: name, queue, reason } : { all: true };
  }

  named() {
    const rows = this.list.chosen();
    if (rows.length) return many(rows.length, "dead letter");
    const { function: name, queue, reason } = this.filter;
    const parts = [name && `to ${name}`, queue && `of queue ${queue}`, reason && `whose reason has “${reason}”`].filter(Boolean);
    return parts.length ? `all dead letters ${parts.join(" ")}` : `all dead letters of ${this.app}`;
  }

  revive(which) {
    return attempt(async () => {
      const { count: done } = await this.service.post("/events/dead/replay", which);
      this.list.clear();
      await this.look();
      return done;
    }, (done) => `${many(done, "letter is", "letters are")} tried again.`);
  }

  drop(which, named) {
    const says = `This throws away ${named} for good: nothing will be told of ${which.ids?.length === 1 ? "it" : "them"} any more.`;
    let done = 0;
    return sure(`Drop ${named}?`, says, async () => {
      done = (await this.service.post("/events/dead/drop", which)).count;
      this.list.clear();
      await this.look();
    }, { ok: "Drop", done: () => `${many(done, "letter was", "letters were")} dropped.` });
  }

  async open(row) {
    const whole = await this.service.get(`/events/dead/${path(row.id)}`);
    dialog(`To ${to(row)}`, (body, close) => append(body, letter(this.app, whole), h("div", { class: "form-end" },
      button("Drop…", { kind: "danger", on: () => {
        close();
        this.drop({ ids: [row.id] }, `the letter to ${to(row)}`);
      } }),
      button("Try again", { kind: "primary", icon: "replay", on: () => {
        close();
        this.revive({ ids: [row.id] });
      } }))), { wide: true });
  }
}

function letter(app, whole) {
  return [
    kv([
      ["Id", h("code", {}, whole.id)],
      ["Function", whole.function ? a(path("apps", app, "functions", whole.function), {}, whole.function) : null],
      ["Queue", whole.queue], ["Why", whole.reason], ["Attempts", String(whole.attempt)],
      ["Published", time(whole.published_at, { exact: true })], ["Died", time(whole.settled_at, { exact: true })], ["Event", whole.event], ["Key", whole.key],
    ]),
    h("h3", {}, "Payload"), json(whole.body, { label: "Payload" }),
    whole.attributes ? [h("h3", {}, "Attributes"), json(whole.attributes, { label: "Attributes" })] : null,
  ];
}

function to(row) {
  return row.queue ? `queue ${row.queue}` : row.function;
}

function choices(lines, filter) {
  const there = lines.filter((one) => one.dead).map(chosen);
  const now = chosen(filter);
  const all = [...new Set(now ? [...there, now] : there)];
  return [["", "All"], ...all.map((value) => [value, value.slice(2) + (value.startsWith("q:") ? " (queue)" : "")])];
}

function chosen(one) {
  if (one.queue) return `q:${one.queue}`;
  return one.function ? `f:${one.function}` : "";
}

function lineOf(value) {
  return { queue: value.startsWith("q:") ? value.slice(2) : "", function: value.startsWith("f:") ? value.slice(2) : "" };
}
