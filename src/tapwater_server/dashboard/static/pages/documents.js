// Documents: collections, what is in them, queries, indexes, and all of it as a file.

import { a, append, button, card, clip, code, exact, form, h, head, note, path, replace, stamp, toast } from "../ui.js";
import { ask, attempt, explain, many, sure } from "../ui/asking.js";
import { collectionList, collections, crumbsOf } from "../ui/collections.js";
import { choose, save } from "../ui/files.js";
import { listing } from "../ui/listing.js";
import { openDocument } from "./document.js";
import { indexes } from "./indexes.js";

const PAGE = 50;
const NDJSON = "application/x-ndjson";

/** Which of the three it is, the number of parts says: none, a document's (even), or a collection's (odd). */
export async function open(page) {
  const { el, rest, app } = page;
  if (rest.length === 0) return openTop(page);
  if (rest.length % 2 === 0) return openDocument(page);
  const shown = new Collection(page, rest.join("/"));
  append(el, shown.draw());
  await shown.look();
  return app;
}

async function openTop({ el, app, service }) {
  const list = collectionList(app, "");
  const look = async () => list.show(await collections(service, ""));
  const wanted = indexes(service);
  append(el,
    head("Documents", { says: "JSON in collections; a document can have collections of its own.", actions: [
      button("Import…", { on: () => importLines(service, look) }),
      button("Export", { icon: "download", on: () => exportLines(service, app, "") }),
      button("New document…", { kind: "primary", icon: "plus", on: () => create(service, "", look) }),
    ] }),
    card("Collections", { flush: true }, list.el), wanted.el);
  await Promise.all([look(), wanted.look()]);
}

class Collection {
  constructor({ app, service, query, setQuery, go }, name) {
    Object.assign(this, { app, service, setQuery, go, name, parts: name.split("/") });
    this.asked = { where: query.get("where") ?? "", order_by: query.get("order_by") ?? "" };
    this.found = [];
    this.after = "";
  }

  draw() {
    this.list = listing({
      caption: `Documents of ${this.name}`, key: (row) => row.path, label: (row) => row.id, ticked: (rows) => this.tell(rows),
      none: { title: "No documents", says: "Nothing here fits. Write one, or ask for something else.", icon: "data" },
      columns: [
        { title: "Id", kind: "mono", cell: (row) => a(path("data", this.app, "documents", ...row.path.split("/")), {}, row.id) },
        { title: "Data", kind: "mono wide", cell: (row) => h("span", { class: "preview" }, clip(JSON.stringify(row.data), 200)) },
        { title: "Written", cell: (row) => stamp(row.updated_at) },
        { title: "Version", kind: "number", hide: "phone", cell: (row) => exact(row.version) },
      ],
    });
    this.removes = button("Delete…", { kind: "danger", small: true, icon: "trash", on: () => this.remove() });
    this.removes.hidden = true;
    this.more = h("div", { class: "card-foot", hidden: true }, button("Show more", { small: true, on: () => attempt(() => this.look(this.after)) }));
    this.counted = h("span", { class: "says", "aria-live": "polite" });
    this.advice = h("div");
    return [
      head(this.parts.at(-1), { crumbs: crumbsOf(this.app, this.parts), actions: [
        button("Export", { icon: "download", on: () => exportLines(this.service, this.app, this.name) }),
        button("New document…", { kind: "primary", icon: "plus", on: () => create(this.service, this.name, () => this.look()) }),
      ] }),
      card("Query", { kind: "query" }, this.form(), this.advice),
      card("Documents", { flush: true, actions: [this.counted, this.removes] }, this.list.el, this.more),
    ];
  }

  form() {
    return form([
      { name: "where", label: "Where", value: this.asked.where, placeholder: "age>3;city==Ulm", says: "Conditions with ; between: == != < <= > >=" },
      { name: "order_by", label: "Order by", value: this.asked.order_by, placeholder: "-age,name", says: "Fields with commas between; - is falling" },
    ], async ({ where, order_by }) => {
      this.asked = { where: where.trim(), order_by: order_by.trim() };
      this.setQuery(this.asked);
      await this.look();
    }, { submit: "Find", inline: true });
  }

  async look(after = "") {
    const said = { ...this.asked, limit: PAGE };
    const [page, all] = await Promise.all([
      this.service.get(`/docs/${path(...this.parts)}`, { ...said, after }),
      after ? null : this.service.get(`/docs/${path(...this.parts)}`, { where: this.asked.where, count: "true" }),
    ]);
    this.found = after ? [...this.found, ...page.documents] : page.documents;
    this.after = page.after;
    this.more.hidden = !this.after;
    this.list.show(this.found);
    if (all) replace(this.counted, many(exact(all.count), "document").replace(/^1 documents/, "1 document"));
    replace(this.advice, page.advice ? advise(this.service, page.advice) : null);
  }

  tell(rows) {
    this.removes.hidden = rows.length === 0;
    this.removes.querySelector("span").textContent = `Delete ${many(rows.length, "document")}…`;
  }

  remove() {
    const rows = this.list.chosen();
    const named = rows.slice(0, 5).map((row) => row.id).join(", ");
    return sure(`Delete ${many(rows.length, "document")}?`, `${named}${rows.length > 5 ? " and more" : ""} of ${this.name}. Collections below stay.`, async () => {
      for (let at = 0; at < rows.length; at += 100) {
        await this.service.post("/docs-commit", { writes: rows.slice(at, at + 100).map((row) => ({ delete: row.path })) });
      }
      await this.look();
    }, { done: `Deleted ${many(rows.length, "document")}.` });
  }
}

/** Say which index would serve the query, and make it. */
function advise(service, { index, says, command }) {
  const make = button("Make this index", { small: true, on: () => attempt(() => service.post("/docs-indexes", index), "The index is being built.") });
  return note("info", h("p", {}, `${says[0].toUpperCase()}${says.slice(1)}.`), code(command, { label: "Command" }), make);
}

/** Ask for a new document and write it; it is never written over another. */
export function create(service, collection, look) {
  const fields = [
    { name: "collection", label: "Collection", required: true, value: collection, placeholder: "users" },
    { name: "id", label: "Id", says: "Empty: a new one." },
    { name: "data", label: "Data", kind: "json", want: "object", required: true, value: {}, rows: 10, says: "A JSON object; Ctrl+Enter saves." },
  ];
  return ask("New document", fields, async (values) => {
    const where = `/docs/${path(...values.collection.split("/").filter(Boolean))}`;
    if (values.id) await service.ask("PUT", `${where}/${path(values.id)}`, { body: values.data, headers: { "if-none-match": "*" } });
    else await service.post(where, values.data);
    await look();
  }, { submit: "Create", wide: true });
}

function exportLines(service, app, collection) {
  const name = `${app}${collection ? `-${collection.replaceAll("/", "-")}` : ""}.ndjson`;
  return attempt(async () => save(await service.raw("GET", "/docs-export", { query: { collection } }), name));
}

function importLines(service, look) {
  choose({ accept: ".ndjson,.jsonl", label: "File to import" }, async ([file]) => {
    try {
      const { imported } = await service.ask("POST", "/docs-import", { body: file, headers: { "content-type": NDJSON } });
      toast(`${many(imported, "document was", "documents were")} written.`);
    } catch (error) {
      toast(explain(error), "bad");
    }
    await attempt(look);
  });
}
