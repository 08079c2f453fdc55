// MQTT: who is connected, what is retained, and sending a message.

import { append, badge, button, card, count, h, head, path, replace, search, seconds, stamp, stat, stats } from "../ui.js";
import { ask, attempt, sure } from "../ui/asking.js";
import { listing } from "../ui/listing.js";
import { lookOften } from "../ui/looking.js";

const LOOK_S = 3;

export async function open({ el, service, live, signal }) {
  let filter = "#";
  const numbers = h("div");
  const clients = clientList((row) => forget(row));
  const retained = retainedList();
  const look = async () => {
    const [status, first, second] = await Promise.all([service.get("/mqtt/status"), service.get("/mqtt/clients"), service.get("/mqtt/retained", { filter })]);
    replace(numbers, stats(stat("Connected", count(status.connected)), stat("Messages in", count(status.messages_in)), stat("Messages out", count(status.messages_out)),
      stat("Dropped", count(status.dropped), { kind: status.dropped ? "warn" : "" }), stat("Listens at", status.addresses.join(", ") || "nowhere", { says: status.addresses.length ? "" : "set TAPWATER_MQTT=true" })));
    clients.show(first.clients);
    retained.show(second.messages);
  };
  const forget = (row) => sure(`End ${row.client}?`, "Its connection is closed, and its session with all that waits for it is forgotten. It may connect again.", async () => {
    await service.delete(`/mqtt/clients/${path(row.client)}`, { user: row.user });
    await look();
  }, { ok: "End it" });
  const typed = search("Topics", "", (text) => {
    filter = text || "#";
    attempt(look);
  }, { placeholder: "sensors/+/temperature" });
  append(el, head("MQTT", { says: "The broker of this app.", actions: [button("Publish…", { kind: "primary", icon: "plus", on: () => publish(service, look) })] }),
    numbers, card("Clients", { flush: true }, clients.el), card("Retained messages", { flush: true }, h("div", { class: "filters inside" }, typed), retained.el));
  await lookOften(live, LOOK_S, look, signal);
}

function clientList(forget) {
  return listing({
    caption: "Clients", key: (row) => `${row.user} ${row.client}`,
    none: { title: "Nobody is connected", says: "Clients that connect, or whose session is kept, are seen here." },
    columns: [
      { title: "Client", kind: "mono wide", cell: (row) => row.client },
      { title: "State", cell: (row) => (row.connected ? badge("connected", "ok") : badge(row.left_at ? `left ${seconds(Date.now() / 1000 - row.left_at)} ago` : "away")) },
      { title: "User", cell: (row) => row.user || "–" },
      { title: "Listens to", kind: "mono", hide: "phone", cell: (row) => row.subscriptions.slice(0, 5).join(", ") || "–" },
      { title: "Waiting", kind: "number", cell: (row) => count(row.waiting) },
      { title: "", says: "Actions", kind: "actions", cell: (row) => button("End…", { small: true, on: () => forget(row) }) },
    ],
  });
}

function retainedList() {
  return listing({
    caption: "Retained messages", key: (row) => row.topic,
    none: { title: "No retained messages", says: "A message published with retain is kept for those who subscribe later." },
    columns: [
      { title: "Topic", kind: "mono wide", cell: (row) => row.topic },
      { title: "Payload", kind: "mono wide", cell: (row) => h("span", { class: "preview" }, payload(row)) },
      { title: "When", cell: (row) => stamp(row.at) },
    ],
  });
}

function payload(row) {
  if (row.payload_base64 !== undefined) return `base64: ${row.payload_base64.slice(0, 100)}`;
  return typeof row.payload === "string" ? row.payload : JSON.stringify(row.payload);
}

function publish(service, look) {
  const fields = [
    { name: "topic", label: "Topic", required: true, placeholder: "sensors/kitchen/temperature" },
    { name: "payload", label: "Payload", kind: "textarea", rows: 4, says: "Sent as it is." },
    { name: "retain", label: "Keep it for those who subscribe later", kind: "checkbox" },
  ];
  return ask("Publish a message", fields, async ({ topic, payload: text, retain }) => {
    await service.ask("POST", "/mqtt/publish", { query: { topic, retain: String(retain) }, body: text, headers: { "content-type": "text/plain" } });
    await look();
  }, { submit: "Publish" });
}
