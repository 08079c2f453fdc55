// One document: its JSON to edit, when it was written, and the collections below it.

import { append, button, card, exact, h, head, note, path, replace, stamp, time, toast } from "../ui.js";
import { explain, sure } from "../ui/asking.js";
import { collectionList, collections, crumbsOf } from "../ui/collections.js";
import { jsonField } from "../ui/jsonfield.js";

export async function openDocument({ el, app, service, rest, go, guard, signal }) {
  const shown = new Document({ app, service, parts: rest, go });
  await shown.read();
  append(el, shown.draw());
  window.addEventListener("beforeunload", (event) => {
    if (shown.field.dirty()) event.preventDefault();
  }, { signal });
  guard(() => shown.field.dirty());
  await shown.below();
}

class Document {
  constructor(facts) {
    Object.assign(this, facts);
    this.at = `/docs/${path(...this.parts)}`;
  }

  async read() {
    this.now = await this.service.get(this.at);
  }

  draw() {
    this.field = jsonField({ label: "Data", value: this.now.data, want: "object", rows: 18, save: () => this.save(), hint: "Ctrl+Enter saves." });
    this.problem = h("div", { role: "alert" });
    this.facts = h("span");
    this.list = collectionList(this.app, this.parts.join("/"));
    this.saves = button("Save", { kind: "primary", on: () => this.save() });
    this.tell();
    const end = h("div", { class: "form-end" }, button("Undo", { kind: "quiet", on: () => this.field.set(this.now.data) }), this.saves);
    return [
      head(this.parts.at(-1), { says: this.facts, crumbs: crumbsOf(this.app, this.parts), actions: [button("Delete…", { kind: "danger", icon: "trash", on: () => this.remove() })] }),
      card("Document", {}, this.field.el, this.problem, end),
      card("Collections below", { flush: true }, this.list.el),
    ];
  }

  tell() {
    const { version, created_at, updated_at, expires_at } = this.now;
    replace(this.facts, `Version ${exact(version)} · made `, stamp(created_at), " · written ", stamp(updated_at), expires_at ? ` · ends ${time(expires_at)}` : "");
  }

  async below() {
    this.list.show(await collections(this.service, this.parts.join("/")));
  }

  /** Write it if it is still what was read: nobody's change is written over unseen. */
  async save(version = this.now.version) {
    const read = this.field.read();
    if (!read || this.saves.disabled) return;
    this.saves.disabled = true;
    replace(this.problem);
    try {
      this.now = await this.service.ask("PUT", this.at, { body: read.value, headers: { "if-match": `"${version}"` } });
      this.field.set(this.now.data);
      this.tell();
      toast("Saved.");
    } catch (error) {
      replace(this.problem, error.status === 412 ? this.changed() : note("bad", explain(error)));
    } finally {
      this.saves.disabled = false;
    }
  }

  changed() {
    const load = button("Show what is there", { small: true, on: async () => {
      await this.read();
      this.field.set(this.now.data);
      this.tell();
      replace(this.problem);
    } });
    const force = button("Write over it", { small: true, kind: "danger", on: async () => {
      await this.read();
      await this.save();
    } });
    return note("warn", h("p", {}, "Somebody has written this document since you read it. Nothing was saved."), h("div", { class: "row" }, load, force));
  }

  remove() {
    const collection = this.parts.slice(0, -1);
    return sure(`Delete ${this.parts.at(-1)}?`, `The document ${this.parts.join("/")} is deleted for good. Collections below it stay.`, async () => {
      await this.service.delete(this.at);
      this.field.set(this.now.data);
      this.go(path("data", this.app, "documents", ...collection));
    }, { done: "Deleted." });
  }
}
