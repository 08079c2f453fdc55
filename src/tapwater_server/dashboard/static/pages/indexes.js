// Indexes of documents, and which fields say when documents end.

import { append, badge, button, card, count, h } from "../ui.js";
import { ask, sure } from "../ui/asking.js";
import { listing } from "../ui/listing.js";

const STATES = { ready: "ok", building: "info", failed: "bad" };

/** Two cards: { el, look() }. */
export function indexes(service) {
  const list = listing({
    caption: "Indexes", key: (row) => row.id,
    none: { title: "No indexes", says: "Each field alone can be asked for without one; several together want one. They can also stand in the app's files." },
    columns: [
      { title: "Collection", cell: (row) => [row.collection, row.group ? [" ", badge("all of this name", "info")] : null] },
      { title: "Fields", kind: "mono wide", cell: (row) => row.fields.join(", ") },
      { title: "State", cell: (row) => badge(row.state, STATES[row.state] ?? "info") },
      { title: "Documents", kind: "number", hide: "phone", cell: (row) => count(row.built) },
      { title: "", says: "Actions", kind: "actions", cell: (row) => button("", { small: true, kind: "quiet", icon: "trash", title: `Drop the index ${row.id}`, on: () => drop(row) }) },
    ],
  });
  const ends = listing({
    caption: "When documents end", key: (row) => row.collection,
    none: { title: "No field says when documents end", says: "With one, a document is gone when the time in that field has come." },
    columns: [
      { title: "Collection", cell: (row) => row.collection },
      { title: "Field", kind: "mono wide", cell: (row) => row.field },
      { title: "", says: "Actions", kind: "actions", cell: (row) => (row.declared ? badge("in the app's files") : button("", { small: true, kind: "quiet", icon: "trash", title: `Let no field of ${row.collection} end documents`, on: () => forget(row) })) },
    ],
  });
  const drop = (row) => sure(`Drop the index ${row.id}?`, "Queries that it serves are answered by looking at each document from then on.", async () => {
    await service.delete("/docs-indexes", { id: row.id });
    await look();
  }, { ok: "Drop", done: "The index was dropped." });
  const forget = (row) => sure(`Keep documents of ${row.collection}?`, `They end by ${row.field} no more.`, async () => {
    await service.delete("/docs-ttl", { collection: row.collection });
    await look();
  }, { ok: "Keep them" });
  const look = async () => {
    const [first, second] = await Promise.all([service.get("/docs-indexes"), service.get("/docs-ttl")]);
    list.show(first.indexes);
    ends.show(second.ttl);
  };
  const el = append(h("div", { class: "stack" }),
    card("Indexes", { flush: true, actions: [button("New index…", { small: true, icon: "plus", on: () => add(service, look) })] }, list.el),
    card("Ends", { flush: true, says: "Which field says when a document ends.", actions: [button("New…", { small: true, icon: "plus", on: () => end(service, look) })] }, ends.el));
  return { el, look };
}

function add(service, look) {
  const fields = [
    { name: "collection", label: "Collection", required: true, placeholder: "orders" },
    { name: "fields", label: "Fields", required: true, placeholder: "state,-number", says: "With commas between; - is falling." },
    { name: "group", label: "All collections of this name, wherever they are", kind: "checkbox" },
  ];
  return ask("New index", fields, async ({ collection, fields: names, group }) => {
    await service.post("/docs-indexes", { collection, group, fields: names.split(",").map((one) => one.trim()).filter(Boolean) });
    await look();
  }, { submit: "Make it" });
}

function end(service, look) {
  const fields = [
    { name: "collection", label: "Collection", required: true, placeholder: "sessions" },
    { name: "field", label: "Field", required: true, placeholder: "ends_at", says: "Seconds since the epoch, in each document." },
  ];
  return ask("Documents end", fields, async (values) => {
    await service.put("/docs-ttl", values);
    await look();
  });
}
