// One queue: its messages, its dead letters and its settings.

import { append, badge, button, card, chips, count, dialog, h, head, json, kv, path, replace, seconds, stamp, stat, stats, time } from "../ui.js";
import { ask, attempt, many, sure } from "../ui/asking.js";
import { listing } from "../ui/listing.js";
import { lookOften } from "../ui/looking.js";

const LOOK_S = 3;
const PAGE = 100;
const STATES = [["waiting", "Waiting"], ["leased", "Taken"], ["dead", "Dead"], ["", "All"]];
const KINDS = { waiting: "info", leased: "info", done: "ok", dead: "bad" };

/** Show a queue: the page of queues opens this one with ?queue=. */
export async function openQueue({ el, go, live, signal, app, service, name, query, setQuery }) {
  const page = new Queue({ app, service, name, setQuery, state: query.get("state") ?? "waiting", back: () => go("queues", { app }) });
  append(el, page.draw());
  await lookOften(live, LOOK_S, () => page.look(), signal);
}

class Queue {
  constructor(facts) {
    Object.assign(this, facts);
    this.at = `/queues/${path(this.name)}`;
  }

  draw() {
    this.list = listing({
      caption: `Messages of ${this.name}`, key: (row) => row.id, label: (row) => `message ${row.id}`, ticked: (rows) => this.tell(rows),
      none: { title: "No messages here", says: "Send one to try it.", icon: "queues" },
      columns: [
        { title: "Message", kind: "mono nowrap", cell: (row) => button(row.id, { kind: "quiet link", on: () => attempt(() => this.open(row)) }) },
        { title: "State", cell: (row) => badge(row.state === "leased" ? "taken" : row.state, KINDS[row.state]) },
        { title: "Sent", cell: (row) => stamp(row.sent_at) },
        { title: "Attempts", kind: "number", cell: (row) => count(row.attempt) },
        { title: "Key", kind: "mono", hide: "phone", cell: (row) => row.key || "–" },
        { title: "Why", kind: "wide", cell: (row) => h("span", { class: "reason" }, row.reason || "–") },
      ],
    });
    this.numbers = h("div");
    this.settings = h("div");
    this.redrives = button("Let dead ones wait again", { icon: "replay", small: true, on: () => this.redrive() });
    this.drops = button("Drop dead ones…", { icon: "trash", kind: "danger", small: true, on: () => this.drop() });
    const states = chips("Which messages", STATES, this.state, (state) => {
      this.state = state;
      this.setQuery({ state });
      attempt(() => this.look());
    });
    return [
      head(this.name, { crumbs: [["Queues", `queues?${new URLSearchParams({ app: this.app })}`]], actions: [
        button("Empty…", { on: () => this.purge() }),
        button("Remove…", { kind: "danger", icon: "trash", on: () => this.remove() }),
        button("Send a message…", { kind: "primary", icon: "plus", on: () => send(this.service, this.name, () => this.look()) }),
      ] }),
      this.numbers,
      card("Messages", { flush: true, actions: [states, this.redrives, this.drops] }, this.list.el),
      card("Settings", { actions: [button("Change…", { small: true, icon: "edit", on: () => this.change() })] }, this.settings),
    ];
  }

  async look() {
    const [about, { messages }] = await Promise.all([
      this.service.get(this.at),
      this.service.get(`${this.at}/messages`, { state: this.state, limit: PAGE }),
    ]);
    this.about = about;
    const now = about.stats ?? { waiting: 0, delayed: 0, leased: 0, dead: 0, oldest_at: 0 };
    this.dead = now.dead;
    this.list.show(messages);
    replace(this.numbers, stats(
      stat("Waiting", count(now.waiting)), stat("Delayed", count(now.delayed)), stat("Taken", count(now.leased)),
      stat("Dead", count(now.dead), { kind: now.dead ? "bad" : "" }), stat("Oldest waits", now.oldest_at ? seconds(Math.max(0, Date.now() / 1000 - now.oldest_at)) : "–")));
    replace(this.settings, told(about.settings));
    this.tell(this.list.chosen());
  }

  tell(rows) {
    const dead = rows.filter((row) => row.state === "dead").length;
    this.redrives.hidden = this.drops.hidden = !this.dead;
    this.redrives.querySelector("span").textContent = dead ? `Let ${many(dead, "dead one")} wait again` : "Let all dead ones wait again";
    this.drops.querySelector("span").textContent = dead ? `Drop ${many(dead, "dead one")}…` : "Drop all dead ones…";
  }

  ids() {
    return this.list.chosen().filter((row) => row.state === "dead").map((row) => row.id);
  }

  redrive() {
    return attempt(async () => {
      const { redriven } = await this.service.post(`${this.at}/redrive`, { ids: this.ids() });
      await this.look();
      return redriven;
    }, (done) => `${many(done, "message waits", "messages wait")} again.`);
  }

  drop() {
    const ids = this.ids();
    const what = ids.length ? many(ids.length, "dead message") : `all ${many(this.dead, "dead message")}`;
    return sure(`Drop ${what}?`, `This throws away ${what} of ${this.name} for good.`, async () => {
      await this.service.ask("DELETE", `${this.at}/dead`, { body: { ids } });
      await this.look();
    }, { ok: "Drop", done: `Dropped ${what}.` });
  }

  purge() {
    const waiting = (this.about.stats?.waiting ?? 0) + (this.about.stats?.delayed ?? 0);
    return sure(`Empty ${this.name}?`, `This throws away ${many(waiting, "message")} that nobody has taken yet. Dead ones stay.`, async () => {
      await this.service.delete(`${this.at}/messages`);
      await this.look();
    }, { ok: "Empty", done: `${this.name} is empty.` });
  }

  remove() {
    const now = this.about.stats ?? {};
    const all = (now.waiting ?? 0) + (now.delayed ?? 0) + (now.leased ?? 0) + (now.dead ?? 0);
    return sure(`Remove ${this.name}?`, `This removes the queue with its settings and ${many(all, "message")}, dead ones too.`, async () => {
      await this.service.delete(this.at);
      this.back();
    }, { ok: "Remove", done: `${this.name} was removed.` });
  }

  async open(row) {
    const whole = await this.service.get(`${this.at}/messages/${path(row.id)}`);
    const body = whole.body !== undefined ? json(whole.body, { label: "Body" }) : h("pre", { class: "plain-text" }, whole.text ?? `base64: ${whole.base64}`);
    dialog("Message", (el) => append(el,
      kv([["Id", h("code", {}, whole.id)], ["State", whole.state], ["Sent", time(whole.sent_at, { exact: true })], ["Attempts", String(whole.attempt)],
        ["Key", whole.key], ["Why", whole.reason], ["Content type", whole.content_type], ["Hidden until", whole.visible_at ? time(whole.visible_at) : ""]]),
      h("h3", {}, "Body"), body,
      Object.keys(whole.attributes ?? {}).length ? [h("h3", {}, "Attributes"), json(whole.attributes, { label: "Attributes" })] : null), { wide: true });
  }

  change() {
    const now = this.about.settings;
    const number = (name, label, says) => ({ name, label, kind: "number", value: now[name], min: 0, step: "any", says });
    const fields = [
      number("visibility_s", "Visibility (s)", "How long a message that was taken is hidden from others."),
      { ...number("attempts_max", "Attempts", "So often it is given out before it is dead."), step: 1, min: 1 },
      number("delay_s", "Delay (s)", "How long a new message waits before it can be taken."),
      number("retention_s", "Kept for (s)", "What nobody took in this time is removed."),
      number("dedupe_s", "Same id for (s)", "How long a second message with the same id is not taken."),
      { name: "ordered", label: "One after the other, in the order they were sent", kind: "checkbox", value: now.ordered },
      { name: "dead_letters", label: "Dead letters go to", value: now.dead_letters, placeholder: "another queue", says: "Empty: they stay here." },
    ];
    return ask(`Settings of ${this.name}`, fields, async (values) => {
      const changed = Object.entries(values).filter(([name, value]) => value !== null && value !== now[name]);
      await this.service.put(this.at, Object.fromEntries(changed));
      await this.look();
    });
  }
}

function told(settings) {
  return kv([
    ["Visibility", seconds(settings.visibility_s)], ["Attempts", String(settings.attempts_max)], ["Delay", seconds(settings.delay_s)],
    ["Kept for", seconds(settings.retention_s)], ["Same id for", seconds(settings.dedupe_s)], ["In order", settings.ordered ? "yes" : "no"],
    ["Dead letters", settings.dead_letters ? `go to ${settings.dead_letters}` : "stay here"],
  ]);
}

/** Ask for a message and send it. */
export function send(service, queue, look) {
  const fields = [
    { name: "queue", label: "Queue", required: true, value: queue, placeholder: "emails" },
    { name: "body", label: "Message", kind: "json", rows: 6, required: true, value: {} },
    { name: "delay_s", label: "Delay (s)", kind: "number", min: 0, step: "any" },
    { name: "key", label: "Key", says: "Messages of one key come one after the other." },
  ];
  return ask("Send a message", fields, async (values) => {
    const message = { body: values.body, key: values.key, ...(values.delay_s === null ? {} : { delay_s: values.delay_s }) };
    await service.post(`/queues/${path(values.queue)}/messages`, { messages: [message] });
    await look();
  }, { submit: "Send" });
}
