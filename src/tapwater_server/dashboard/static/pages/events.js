// Events: what was published, how it flows to functions and queues, and telling it once more.

import { a, append, badge, button, card, chips, count, dialog, empty, h, head, json, kv, path, replace, search, seconds, stamp, time } from "../ui.js";
import { appOf } from "../ui/appchoice.js";
import { ask, attempt, local, many, moment } from "../ui/asking.js";
import { listing } from "../ui/listing.js";
import { lookOften } from "../ui/looking.js";

export const title = "Events";

const LOOK_S = 3;
const DELIVERIES_MAX = 500; // What one look counts; a busier app shows the share of these.
const SPANS = [[300, "5 min"], [3600, "1 hour"], [86_400, "1 day"]];
export const STATES = { waiting: "info", leased: "info", done: "ok", dead: "bad" };

export async function open({ el, query, api, live, go, setQuery, signal }) {
  const found = await appOf({ el, api, wanted: query.get("app"), choose: (app) => go("events", { app }), title });
  if (!found) return;
  const { app, service, picker } = found;
  const filter = { type: query.get("type") ?? "" };
  const flow = new Flow(service, app);
  const list = eventList((one) => showEvent(service, app, one.id));
  const look = async () => {
    await Promise.all([flow.look(), list.look(service, filter)]);
  };
  const typed = search("Type", filter.type, (text) => {
    filter.type = text;
    setQuery({ app, type: text });
    list.look(service, filter);
  }, { placeholder: "shop.order.*" });
  append(el,
    head(title, { says: "What happens is told to the functions that asked for it, at least once.", actions: [
      picker,
      button("Replay…", { icon: "replay", on: () => replay(service, look) }),
      button("Publish…", { kind: "primary", icon: "plus", on: () => publish(service, look) }),
    ] }),
    card("Flow", { flush: true, actions: [flow.spans] }, flow.el),
    card("Newest events", { flush: true }, h("div", { class: "filters inside" }, typed), list.el, list.more));
  await lookOften(live, LOOK_S, look, signal);
}

/** How many deliveries were published, done, failed and are dead, for each line of them. */
class Flow {
  constructor(service, app) {
    this.service = service;
    this.span_s = SPANS[1][0];
    this.spans = chips("Of the last", SPANS, this.span_s, (value) => {
      this.span_s = value;
      attempt(() => this.look());
    });
    this.note = h("p", { class: "says inside" });
    this.list = listing({
      caption: "Deliveries by function and queue", key: (row) => row.name,
      none: { title: "Nothing was delivered in this time", says: "Publish an event, or send a message:", command: `tapwater events publish my.event --app ${app} --data '{"number": 7}'`, icon: "events" },
      columns: [
        { title: "To", cell: (row) => lineName(app, row), kind: "wide" },
        { title: "Published", kind: "number", cell: (row) => [count(row.published), h("span", { class: "faint" }, ` ${rate(row.published, this.span_s)}`)] },
        { title: "Delivered", kind: "number", cell: (row) => count(row.done) },
        { title: "Tried again", kind: "number", cell: (row) => (row.again ? badge(count(row.again), "warn") : "0") },
        { title: "Waiting", kind: "number", cell: (row) => waiting(row) },
        { title: "Running", kind: "number", cell: (row) => count(row.leased) },
        { title: "Dead", kind: "number", cell: (row) => (row.dead ? a(deadLink(app, row), {}, badge(count(row.dead), "bad")) : "0") },
      ],
    });
    this.el = h("div", {}, this.list.el, this.note);
  }

  async look() {
    const since = Date.now() / 1000 - this.span_s;
    const [{ lines }, { deliveries }] = await Promise.all([
      this.service.get("/events/lines"),
      this.service.get("/events/deliveries", { since, limit: DELIVERIES_MAX }),
    ]);
    this.list.show(flows(lines, deliveries));
    const cut = deliveries.length === DELIVERIES_MAX;
    replace(this.note, cut ? `Published, delivered and tried again are of the newest ${DELIVERIES_MAX} deliveries; waiting, running and dead of all.` : "");
  }
}

/** Put the counters and the deliveries together: one row for each function or queue. */
export function flows(lines, deliveries) {
  const rows = new Map();
  const row = (one) => {
    const name = one.queue ? `queue ${one.queue}` : one.function;
    if (!rows.has(name)) rows.set(name, { name, function: one.function, queue: one.queue, published: 0, done: 0, again: 0, waiting: 0, delayed: 0, leased: 0, dead: 0, oldest_at: 0 });
    return rows.get(name);
  };
  for (const { waiting, delayed, leased, dead, oldest_at, ...one } of lines) Object.assign(row(one), { waiting, delayed, leased, dead, oldest_at });
  for (const one of deliveries) {
    const at = row(one);
    at.published += 1;
    if (one.state === "done") at.done += 1;
    if (one.attempt > 1) at.again += 1;
  }
  return [...rows.values()].sort((one, other) => other.dead - one.dead || other.published - one.published || (one.name < other.name ? -1 : 1));
}

function lineName(app, row) {
  if (row.queue) return [badge("queue", "info"), " ", a("queues", { href: `/_/queues?app=${encodeURIComponent(app)}&queue=${encodeURIComponent(row.queue)}` }, row.queue)];
  return a(path("apps", app, "functions", row.function), {}, row.function);
}

function waiting(row) {
  const all = row.waiting + row.delayed;
  if (!all || !row.oldest_at) return count(all);
  return [count(all), h("span", { class: "faint" }, ` since ${seconds(Math.max(0, Date.now() / 1000 - row.oldest_at))}`)];
}

function deadLink(app, row) {
  const line = row.queue ? { queue: row.queue } : { function: row.function };
  return `deadletters?${new URLSearchParams({ app, ...line })}`;
}

function rate(published, span_s) {
  const perMinute = (published * 60) / span_s;
  return published ? `${perMinute >= 10 ? Math.round(perMinute) : perMinute.toFixed(1)}/min` : "";
}

function eventList(shown) {
  const list = listing({
    caption: "Newest events", key: (row) => row.id,
    none: { title: "No events", says: "Nothing of this kind was published, or it is no longer kept.", icon: "events" },
    columns: [
      { title: "Type", kind: "wide", cell: (row) => button(row.type, { kind: "quiet link", on: () => attempt(() => shown(row)) }) },
      { title: "When", cell: (row) => stamp(new Date(row.time).getTime() / 1000) },
      { title: "From", kind: "mono", hide: "phone", cell: (row) => row.source },
      { title: "About", kind: "mono", cell: (row) => row.subject || "–" },
      { title: "Id", kind: "mono", hide: "phone", cell: (row) => row.id },
    ],
  });
  let limit = 50;
  let asked = null;
  const more = button("Show more", { small: true, on: () => {
    limit = Math.min(500, limit * 2);
    attempt(() => made.look(...asked));
  } });
  const made = {
    el: list.el,
    more: h("div", { class: "card-foot", hidden: true }, more),
    async look(service, filter) {
      asked = [service, filter];
      const { events } = await service.get("/events", { type: filter.type, limit });
      list.show(events);
      made.more.hidden = events.length < limit || limit === 500;
    },
  };
  return made;
}

async function showEvent(service, app, id) {
  const { event, deliveries } = await service.get(`/events/${path(id)}`);
  dialog(event.type, (body) => {
    append(body,
      kv([["Id", h("code", {}, event.id)], ["From", event.source], ["About", event.subject], ["When", time(new Date(event.time).getTime() / 1000, { exact: true })], ["Key", event.key],
        ["In a chain of", event.depth ? `${event.depth} before it, from ${event.root}` : ""]]),
      h("h3", {}, "Data"),
      event.data_base64 ? h("p", {}, `Bytes: ${event.data_base64.length} characters of base64.`) : json(event.data, { label: "Data of the event" }),
      h("h3", {}, "Told to"),
      deliveries.length ? h("ul", { class: "plain" }, deliveries.map((one) => delivered(app, one)))
        : h("p", {}, "Nobody that is live listens to this, or its deliveries are no longer kept."));
  }, { wide: true });
}

function delivered(app, one) {
  const to = one.queue ? `queue ${one.queue}` : a(path("apps", app, "functions", one.function), {}, one.function);
  return h("li", {}, badge(one.state, STATES[one.state]), " ", to, ` attempt ${one.attempt}`, one.reason ? h("span", { class: "faint" }, ` ${one.reason}`) : null);
}

function publish(service, look) {
  const fields = [
    { name: "type", label: "Type", required: true, placeholder: "shop.order.paid" },
    { name: "data", label: "Data", kind: "json", rows: 6, value: {}, says: "Any JSON; Ctrl+Enter publishes." },
    { name: "source", label: "Source", value: "/dashboard", required: true },
    { name: "subject", label: "Subject", placeholder: "orders/7" },
  ];
  return ask("Publish an event", fields, async ({ type, data, source, subject }) => {
    const event = { specversion: "1.0", id: crypto.randomUUID(), type, source, data, ...(subject ? { subject } : {}) };
    await service.ask("POST", "/events", { body: JSON.stringify(event), headers: { "content-type": "application/cloudevents+json" } });
    await look();
  }, { submit: "Publish" });
}

async function replay(service, look) {
  const hour = Math.floor(Date.now() / 1000) - 3600;
  const fields = [
    { name: "since", label: "From", kind: "datetime-local", step: "1", required: true, value: local(hour) },
    { name: "until", label: "Until", kind: "datetime-local", step: "1", says: "Empty: until now." },
    { name: "type", label: "Type", placeholder: "shop.order.*", says: "Empty: all types." },
    { name: "function", label: "Only to this function", placeholder: "group/name", says: "Empty: all that match." },
  ];
  let said = null;
  const done = await ask("Tell events once more", fields, async (values) => {
    const body = { since: moment(values.since), type: values.type, function: values.function };
    if (values.until) body.until = moment(values.until);
    said = await service.post("/events/replay", body);
    await look();
  }, { submit: "Replay", says: "Functions are told of these events as if they happened now. They must bear being told twice." });
  if (done) report(said);
}

function report(said) {
  dialog("Told once more", (body) => {
    append(body, said.events
      ? h("p", {}, `${many(said.events, "event")} made ${many(said.deliveries, "delivery", "deliveries")}.`)
      : empty("No event fits", "Nothing was told again: look at the times and the type."),
    said.complete ? null : h("p", {}, "There were more than one request replays: go on from a later time."));
  });
}
