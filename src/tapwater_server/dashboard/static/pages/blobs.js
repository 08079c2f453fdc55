// Blobs: buckets, and what is in one, as folders.

import { a, append, badge, button, bytes, card, clip, exact, h, head, kv, path, replace, search, stamp, toast } from "../ui.js";
import { ask, attempt, explain, many, sure } from "../ui/asking.js";
import { choose, fileName, save } from "../ui/files.js";
import { listing } from "../ui/listing.js";
import { showBlob } from "./blob.js";

const PAGE = 200;

export async function open(page) {
  if (page.rest.length === 0) return openBuckets(page);
  const shown = new Bucket(page);
  append(page.el, shown.draw());
  await shown.look();
  if (page.query.get("key")) await attempt(() => showBlob(shown, page.query.get("key")));
  return shown;
}

async function openBuckets({ el, app, service }) {
  const list = listing({
    caption: "Buckets", key: (row) => row.name,
    none: { title: "No buckets yet", says: "A bucket holds files of any size by their key.", command: `tapwater blobs bucket pictures --make --app ${app}`, icon: "data" },
    columns: [
      { title: "Bucket", kind: "wide", cell: (row) => a(path("data", app, "blobs", row.name), {}, row.name) },
      { title: "Old versions", cell: (row) => (row.versioning === "on" ? badge("kept", "ok") : row.versioning) },
      { title: "Made", cell: (row) => stamp(row.created_at) },
      { title: "", says: "Actions", kind: "actions", cell: (row) => button("", { small: true, kind: "quiet", icon: "trash", title: `Remove ${row.name}`, on: () => drop(row) }) },
    ],
  });
  const look = async () => list.show((await service.get("/blobs")).buckets);
  const drop = (row) => sure(`Remove the bucket ${row.name}?`, "Only an empty bucket can be removed: delete what is in it first.", async () => {
    await service.delete(`/blobs/${path(row.name)}`);
    await look();
  }, { ok: "Remove", done: `${row.name} was removed.` });
  append(el,
    head("Blobs", { says: "Files of any size, in buckets, by key.", actions: [button("New bucket…", { kind: "primary", icon: "plus", on: () => make(service, look) })] }),
    card("Buckets", { flush: true }, list.el));
  await look();
}

function make(service, look) {
  const fields = [
    { name: "name", label: "Name", required: true, placeholder: "pictures" },
    { name: "versioning", label: "Old versions", kind: "select", choices: [["off", "are not kept"], ["on", "are kept"]] },
  ];
  return ask("New bucket", fields, async ({ name, versioning }) => {
    await service.put(`/blobs/${path(name)}`, { versioning });
    await look();
  }, { submit: "Make it" });
}

class Bucket {
  constructor({ app, service, query, setQuery, rest }) {
    Object.assign(this, { app, service, setQuery, name: rest[0] });
    this.prefix = query.get("prefix") ?? "";
    this.at = `/blobs/${path(this.name)}`;
    this.rows = [];
    this.next = "";
  }

  draw() {
    this.list = listing({
      caption: `Blobs of ${this.name}`, key: (row) => row.key, label: (row) => row.key, ticked: (rows) => this.tell(rows),
      none: { title: "Nothing here", says: "Upload files, or drop them anywhere on this card.", icon: "data" },
      columns: [
        { title: "Key", kind: "wide", cell: (row) => this.named(row) },
        { title: "Size", kind: "number", cell: (row) => (row.folder ? "" : bytes(row.size)) },
        { title: "Type", kind: "mono", hide: "phone", cell: (row) => (row.folder ? "" : clip(row.content_type, 40)) },
        { title: "Stored", cell: (row) => (row.folder ? "" : stamp(row.stored_at)) },
        { title: "", says: "Actions", kind: "actions", cell: (row) => this.actions(row) },
      ],
    });
    this.removes = button("Delete…", { kind: "danger", small: true, icon: "trash", on: () => this.remove(this.list.chosen()) });
    this.more = h("div", { class: "card-foot", hidden: true }, button("Show more", { small: true, on: () => attempt(() => this.look(this.next)) }));
    this.trail = h("div");
    this.facts = h("div");
    const find = search("Keys that begin with", this.prefix, (text) => this.enter(text), { placeholder: "2026/" });
    this.typed = find.querySelector("input");
    const box = card("Blobs", { flush: true, actions: [this.removes] }, h("div", { class: "filters inside" }, find), this.trail, this.list.el, this.more);
    this.drops(box);
    return [
      head(this.name, { crumbs: [["Blobs", path("data", this.app, "blobs")]], actions: [
        button("Upload…", { kind: "primary", icon: "plus", on: () => choose({ multiple: true, label: "Files to upload" }, (files) => this.upload(files)) }),
      ] }), box, card("Bucket", {}, this.facts),
    ];
  }

  named(row) {
    if (!row.folder) return button(row.key.slice(this.prefix.length) || row.key, { kind: "quiet link", on: () => attempt(() => showBlob(this, row.key)) });
    return button(`${row.key.slice(this.prefix.length)}`, { kind: "quiet link folder", title: `Open ${row.key}`, on: () => this.enter(row.key) });
  }

  actions(row) {
    if (row.folder) return "";
    return [
      button("", { small: true, kind: "quiet", icon: "download", title: `Download ${row.key}`, on: () => this.download(row.key) }),
      button("", { small: true, kind: "quiet", icon: "trash", title: `Delete ${row.key}`, on: () => this.remove([row]) }),
    ];
  }

  enter(prefix) {
    this.prefix = prefix;
    if (this.typed.value !== prefix) this.typed.value = prefix;
    this.setQuery({ prefix });
    return attempt(() => this.look());
  }

  async look(page = "") {
    const [found, about] = await Promise.all([
      this.service.get(this.at, { prefix: this.prefix, delimiter: "/", limit: PAGE, page }),
      this.service.get(`/blobs/-/buckets/${path(this.name)}`),
    ]);
    const folders = found.prefixes.map((key) => ({ key, folder: true }));
    this.rows = [...(page ? this.rows : []), ...folders, ...found.blobs];
    this.next = found.next ?? "";
    this.more.hidden = !this.next;
    this.list.show(this.rows);
    replace(this.trail, this.steps());
    replace(this.facts, kv([["Holds", `${bytes(about.bytes)} in ${many(exact(about.versions), "version")}`.replace(/ 1 versions/, " 1 version")],
      ["Old versions", about.versioning === "on" ? "are kept" : "are not kept"], ["Made", stamp(about.created_at)], ["Lifecycle", about.lifecycle.length ? many(about.lifecycle.length, "rule") : ""]]));
    this.tell(this.list.chosen());
  }

  /** The folders above, as buttons. */
  steps() {
    const parts = this.prefix.split("/").slice(0, -1);
    if (!parts.length) return null;
    const step = (text, prefix) => h("li", {}, button(text, { kind: "quiet link", on: () => this.enter(prefix) }));
    return h("nav", { class: "crumbs inside", "aria-label": "Folders" }, h("ol", {}, step(this.name, ""), parts.map((one, at) => step(one, `${parts.slice(0, at + 1).join("/")}/`))));
  }

  tell(rows) {
    this.removes.hidden = rows.length === 0;
    this.removes.querySelector("span").textContent = `Delete ${many(rows.length, "entry", "entries")}…`;
  }

  keyPath(key) {
    return `${this.at}/${path(key)}`;
  }

  download(key, version) {
    return attempt(async () => save(await this.service.raw("GET", this.keyPath(key), { query: { version } }), fileName(key)));
  }

  async upload(files) {
    let done = 0;
    for (const file of files) {
      const headers = { "content-type": file.type || "application/octet-stream" };
      try {
        await this.service.ask("PUT", this.keyPath(this.prefix + file.name), { body: file, headers });
        done += 1;
      } catch (error) {
        toast(`${file.name}: ${explain(error)}`, "bad");
      }
    }
    if (done) toast(`${many(done, "file was", "files were")} uploaded.`);
    await attempt(() => this.look());
  }

  drops(box) {
    box.addEventListener("dragover", (event) => {
      event.preventDefault();
      box.classList.add("dropping");
    });
    box.addEventListener("dragleave", () => box.classList.remove("dropping"));
    box.addEventListener("drop", (event) => {
      event.preventDefault();
      box.classList.remove("dropping");
      const files = [...event.dataTransfer.files];
      if (files.length) this.upload(files);
    });
  }

  /** Delete blobs, and all that is in folders. */
  async remove(rows) {
    const keys = rows.filter((row) => !row.folder).map((row) => row.key);
    const folders = rows.filter((row) => row.folder).map((row) => row.key);
    let all = keys;
    if (folders.length && !(await attempt(async () => { all = [...keys, ...(await this.inside(folders))]; }))) return false;
    const named = all.length === 1 ? all[0] : many(all.length, "blob");
    return sure(`Delete ${named}?`, `From the bucket ${this.name}: ${clip(all.slice(0, 5).join(", "), 300)}${all.length > 5 ? " and more" : ""}.`, async () => {
      for (let at = 0; at < all.length; at += 1000) await this.service.post("/blobs/-/delete", { bucket: this.name, keys: all.slice(at, at + 1000) });
      await this.look();
    }, { done: `Deleted ${named}.` });
  }

  async inside(folders) {
    const keys = [];
    for (const prefix of folders) {
      let page = "";
      do {
        const found = await this.service.get(this.at, { prefix, limit: 1000, page });
        keys.push(...found.blobs.map((one) => one.key));
        page = found.next ?? "";
      } while (page && keys.length < 10_000);
    }
    return keys;
  }
}
