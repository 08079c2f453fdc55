// Collections of documents: which there are, as a table, and where one stands.

import { a, path } from "../ui.js";
import { listing } from "./listing.js";

/** The collections at the top, or of a document. */
export async function collections(service, under) {
  const found = [];
  let after = "";
  do {
    const page = await service.get("/docs", { under, after, limit: 1000 });
    found.push(...page.collections);
    after = page.after;
  } while (after && found.length < 10_000);
  return found.map((name) => ({ name: name.split("/").at(-1) }));
}

/** A table of them, each with a link to what is in it. */
export function collectionList(app, under) {
  return listing({
    caption: "Collections", key: (row) => row.name,
    none: { title: under ? "No collections below it" : "No documents yet", says: "A collection is there as soon as a document is in it.", command: under ? null : `tapwater docs set users/ada '{"name": "Ada"}' --app ${app}`, icon: "data" },
    columns: [{ title: "Collection", kind: "wide", cell: (row) => a(path("data", app, "documents", ...under.split("/").filter(Boolean), row.name), {}, row.name) }],
  });
}

/** Where a document or collection is, as links: [["Documents", …], ["orders", …], …] without the last. */
export function crumbsOf(app, parts) {
  const above = parts.slice(0, -1).map((part, at) => [part, path("data", app, "documents", ...parts.slice(0, at + 1))]);
  return [["Documents", path("data", app, "documents")], ...above];
}
