// The cache of an app: how full it is, and what is in it.

import { append, button, bytes, card, count, dialog, h, head, json, path, percent, replace, search, seconds, stat, stats } from "../ui.js";
import { attempt, many, sure } from "../ui/asking.js";
import { listing } from "../ui/listing.js";
import { lookOften } from "../ui/looking.js";

const LOOK_S = 5;
const PAGE = 200;

export async function open({ el, app, service, live, signal, query, setQuery }) {
  let prefix = query.get("prefix") ?? "";
  let now = { keys: 0 };
  const numbers = h("div");
  const list = listing({
    caption: "Keys of the cache", key: (row) => row.key,
    none: { title: "Nothing in the cache", says: "What functions keep for a while is seen here.", command: `tapwater cache set greeting '"hello"' --app ${app}` },
    columns: [
      { title: "Key", kind: "mono wide", cell: (row) => button(row.key, { kind: "quiet link", on: () => attempt(() => show(row)) }) },
      { title: "Size", kind: "number", cell: (row) => bytes(row.bytes) },
      { title: "Ends in", kind: "number", cell: (row) => (row.ttl_s === null ? "never" : seconds(Math.max(0, row.ttl_s))) },
      { title: "", says: "Actions", kind: "actions", cell: (row) => button("", { small: true, kind: "quiet", icon: "trash", title: `Forget ${row.key}`, on: () => forget(row) }) },
    ],
  });
  const look = async () => {
    const found = await service.get("/cache", { prefix, limit: PAGE });
    now = found.stats;
    list.show(found.keys);
    const asked = now.hits + now.misses;
    replace(numbers, stats(stat("Keys", count(now.keys)), stat("Size", bytes(now.bytes)), stat("Found", asked ? percent(now.hits / asked) : "–", { says: `of ${count(asked)} asked` }), stat("Pushed out", count(now.evicted))));
  };
  const show = async (row) => {
    const found = await service.get(`/cache/${path(row.key)}`);
    dialog(row.key, (body) => append(body, found.base64 === undefined ? json(found.value, { label: "Value" }) : h("pre", { class: "plain-text" }, `base64: ${found.base64}`)), { wide: true });
  };
  const forget = (row) => attempt(async () => {
    await service.delete(`/cache/${path(row.key)}`);
    await look();
  }, `${row.key} is forgotten.`);
  const clear = () => sure("Empty the cache?", `All ${many(now.keys, "value")} of ${app} are forgotten. Functions make them anew.`, async () => {
    await service.delete("/cache");
    await look();
  }, { ok: "Empty", done: "The cache is empty." });
  const typed = search("Keys that begin with", prefix, (text) => {
    prefix = text;
    setQuery({ prefix });
    attempt(look);
  });
  append(el, head("Cache", { says: "What may be lost at any time, kept in memory.", actions: [button("Empty…", { kind: "danger", icon: "trash", on: clear })] }),
    numbers, card("Keys", { flush: true }, h("div", { class: "filters inside" }, typed), list.el));
  await lookOften(live, LOOK_S, look, signal);
}
