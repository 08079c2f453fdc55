// Queues and topics: how they stand, what lies in them, and putting something in.

import { a, append, badge, button, card, count, h, head, href, path, seconds } from "../ui.js";
import { appOf } from "../ui/appchoice.js";
import { ask, sure } from "../ui/asking.js";
import { listing } from "../ui/listing.js";
import { lookOften } from "../ui/looking.js";
import { openQueue, send } from "./queue.js";

export const title = "Queues";

const LOOK_S = 3;

export async function open(page) {
  const { el, query, api, live, go, signal } = page;
  const found = await appOf({ el, api, wanted: query.get("app"), choose: (app) => go("queues", { app }), title });
  if (!found) return;
  const { app, service, picker } = found;
  if (query.get("queue")) {
    await openQueue({ ...page, app, service, name: query.get("queue") });
    return;
  }
  const queues = queueList(app);
  const topics = topicList(service, () => look());
  const look = async () => {
    const [first, second] = await Promise.all([service.get("/queues"), service.get("/topics")]);
    queues.show(first.queues);
    topics.show(second.topics);
  };
  append(el,
    head("Queues and topics", { says: "A queue keeps messages until somebody has dealt with them; a topic hands each to all who listen.", actions: [
      picker,
      button("Publish to a topic…", { on: () => publish(service, look) }),
      button("Send a message…", { kind: "primary", icon: "plus", on: () => send(service, "", look) }),
    ] }),
    card("Queues", { flush: true }, queues.el),
    card("Topics", { flush: true, says: "Functions with @on.topic listen without being listed here.", actions: [button("Subscribe a queue…", { small: true, on: () => subscribe(service, look) })] }, topics.el));
  await lookOften(live, LOOK_S, look, signal);
}

function queueList(app) {
  return listing({
    caption: "Queues", key: (row) => row.name,
    none: { title: "No queues yet", says: "A queue is there as soon as something is sent to it.", command: `tapwater queue send emails '{"to": "ada@example.com"}' --app ${app}`, icon: "queues" },
    columns: [
      { title: "Queue", kind: "wide", cell: (row) => a("queues", { href: href("queues", { app, queue: row.name }) }, row.name) },
      { title: "Waiting", kind: "number", cell: (row) => count(row.waiting) },
      { title: "Delayed", kind: "number", cell: (row) => count(row.delayed) },
      { title: "Taken", kind: "number", cell: (row) => count(row.leased) },
      { title: "Dead", kind: "number", cell: (row) => (row.dead ? a("deadletters", { href: href("deadletters", { app, queue: row.name }) }, badge(count(row.dead), "bad")) : "0") },
      { title: "Oldest waits", kind: "number", cell: (row) => (row.oldest_at ? seconds(Math.max(0, Date.now() / 1000 - row.oldest_at)) : "–") },
    ],
  });
}

function topicList(service, look) {
  const end = (topic, queue) => sure(`End the subscription of ${queue}?`, `The queue ${queue} gets no more messages of the topic ${topic}. What lies in it stays.`,
    async () => {
      await service.delete(`/topics/${path(topic)}/queues/${path(queue)}`);
      await look();
    }, { ok: "Unsubscribe" });
  return listing({
    caption: "Topics", key: (row) => row.name,
    none: { title: "No queue listens to a topic", says: "Subscribe a queue, and it gets every message of the topic." },
    columns: [
      { title: "Topic", kind: "wide", cell: (row) => row.name },
      { title: "Queues that listen", kind: "wide", cell: (row) => h("span", { class: "tags" }, row.queues.map((queue) => h("span", { class: "tag" }, queue,
        button("", { icon: "close", kind: "quiet", small: true, title: `Unsubscribe ${queue} from ${row.name}`, on: () => end(row.name, queue) })))) },
      { title: "", says: "Actions", kind: "actions", cell: (row) => button("Publish…", { small: true, on: () => publish(service, look, row.name) }) },
    ],
  });
}

function publish(service, look, topic = "") {
  const fields = [
    { name: "topic", label: "Topic", required: true, value: topic, placeholder: "news" },
    { name: "body", label: "Message", kind: "json", rows: 6, required: true, value: {} },
  ];
  return ask("Publish to a topic", fields, async (values) => {
    await service.post(`/topics/${path(values.topic)}`, { messages: [{ body: values.body }] });
    await look();
  }, { submit: "Publish", says: "All functions and queues that listen get it." });
}

function subscribe(service, look) {
  const fields = [
    { name: "topic", label: "Topic", required: true, placeholder: "news" },
    { name: "queue", label: "Queue", required: true, placeholder: "newsletter" },
  ];
  return ask("Subscribe a queue", fields, async ({ topic, queue }) => {
    await service.put(`/topics/${path(topic)}/queues/${path(queue)}`);
    await look();
  }, { submit: "Subscribe" });
}

