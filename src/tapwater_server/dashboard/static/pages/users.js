// Users of an app and the keys of its programs.

import { append, badge, button, card, code, dialog, h, head, note, path, search, select, stamp } from "../ui.js";
import { ask, attempt, sure } from "../ui/asking.js";
import { listing } from "../ui/listing.js";
import { editUser, rolesOf } from "./user.js";

const PAGE = 100;
const DAY_S = 86_400;

export async function open({ el, service, query, setQuery }) {
  const page = new Users(service, query, setQuery);
  append(el, page.draw());
  await Promise.all([page.look(), page.keys.look()]);
}

class Users {
  constructor(service, query, setQuery) {
    Object.assign(this, { service, setQuery });
    this.filter = { email: query.get("email") ?? "", role: query.get("role") ?? "", disabled: query.get("disabled") ?? "" };
    this.found = [];
    this.keys = keys(service);
  }

  draw() {
    this.list = listing({
      caption: "Users", key: (row) => row.id, label: (row) => row.email,
      none: { title: "No users", says: "Nobody fits. People sign up in the app, or you make a user here.", icon: "who" },
      columns: [
        { title: "Address", kind: "wide", cell: (row) => button(row.email, { kind: "quiet link", on: () => this.edit(row) }) },
        { title: "Roles", cell: (row) => row.roles.map((role) => [badge(role, "info"), " "]) },
        { title: "State", cell: (row) => (row.disabled ? badge("disabled", "bad") : row.email_verified ? badge("confirmed", "ok") : badge("not confirmed", "warn")) },
        { title: "Came", cell: (row) => stamp(row.created_at) },
        { title: "Id", kind: "mono", hide: "phone", cell: (row) => row.id },
      ],
    });
    this.more = h("div", { class: "card-foot", hidden: true }, button("Show more", { small: true, on: () => attempt(() => this.look(this.next)) }));
    const filters = h("div", { class: "filters inside" },
      search("Address has", this.filter.email, (email) => this.narrow({ email })),
      search("Role", this.filter.role, (role) => this.narrow({ role })),
      select("State", [["", "All"], ["false", "Not disabled"], ["true", "Disabled"]], this.filter.disabled, (disabled) => this.narrow({ disabled })));
    return [
      head("Users", { says: "Who can sign in to this app.", actions: [button("New user…", { kind: "primary", icon: "plus", on: () => create(this.service, () => this.look()) })] }),
      card("Users", { flush: true }, filters, this.list.el, this.more),
      this.keys.el,
    ];
  }

  narrow(change) {
    Object.assign(this.filter, change);
    this.setQuery(this.filter);
    attempt(() => this.look());
  }

  async look(after = "") {
    const page = await this.service.get("/users", { ...this.filter, after, limit: PAGE });
    this.found = after ? [...this.found, ...page.users] : page.users;
    this.next = page.next;
    this.more.hidden = !page.next;
    this.list.show(this.found);
  }

  edit(row) {
    editUser(this.service, row, () => this.look());
  }
}

function create(service, look) {
  const fields = [
    { name: "email", label: "Address", kind: "email", required: true },
    { name: "password", label: "Password", kind: "password", autocomplete: "new-password", says: "Empty: they set one with a reset mail." },
    { name: "roles", label: "Roles", placeholder: "staff, editor" },
    { name: "email_verified", label: "The address is confirmed", kind: "checkbox", value: true },
    { name: "profile", label: "Profile", kind: "json", want: "object", required: true, rows: 4, value: {} },
  ];
  return ask("New user", fields, async (values) => {
    await service.post("/users", { ...values, roles: rolesOf(values.roles) });
    await look();
  }, { submit: "Make them" });
}

/** The card of keys: { el, look() }. */
function keys(service) {
  const list = listing({
    caption: "Keys", key: (row) => row.id,
    none: { title: "No keys", says: "A key lets a program in with roles of this app, or as one of its users." },
    columns: [
      { title: "Name", kind: "wide", cell: (row) => row.name },
      { title: "For", cell: (row) => (row.user ? `user ${row.user}` : (row.roles ?? []).map((role) => [badge(role, "info"), " "])) },
      { title: "Ends", cell: (row) => (row.expires_at ? stamp(row.expires_at) : "never") },
      { title: "", says: "Actions", kind: "actions", cell: (row) => button("Revoke…", { small: true, on: () => revoke(row) }) },
    ],
  });
  const look = async () => list.show((await service.get("/auth/keys")).keys);
  const revoke = (row) => sure(`Revoke ${row.name}?`, "Programs that use this key are refused from now on.", async () => {
    await service.delete(`/auth/keys/${path(row.id)}`);
    await look();
  }, { ok: "Revoke", done: `${row.name} was revoked.` });
  const el = card("Keys for programs", { flush: true, actions: [button("New key…", { small: true, icon: "plus", on: () => newKey(service, look) })] }, list.el);
  return { el, look };
}

async function newKey(service, look) {
  const fields = [
    { name: "name", label: "Name", required: true, placeholder: "nightly-import" },
    { name: "roles", label: "Roles", placeholder: "staff" },
    { name: "user", label: "Or as this user", placeholder: "address or id" },
    { name: "days", label: "Ends in days", kind: "number", min: 0, says: "Empty: never." },
  ];
  const made = await ask("New key", fields, async ({ name, roles, user, days }) => {
    const key = await service.post("/auth/keys", { name, user, roles: rolesOf(roles), expires_in_s: (days ?? 0) * DAY_S });
    await look();
    return key;
  }, { submit: "Make it" });
  if (made) once("The new key", made.key);
}

/** Show a secret the only time it can be shown. */
export function once(heading, text) {
  dialog(heading, (body, close) => append(body,
    note("warn", "Copy it now: it is not kept, and cannot be shown again."),
    code(text, { label: heading }),
    h("div", { class: "form-end" }, button("I have copied it", { kind: "primary", on: close }))));
}

