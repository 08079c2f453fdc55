// One user: roles, what is known of them, and what one can do about them.

import { append, button, dialog, form, h, kv, path, stamp, toast } from "../ui.js";
import { ask, attempt, sure } from "../ui/asking.js";
import { jsonField } from "../ui/jsonfield.js";

/** Open a dialog about a user. `look` is called when something has changed. */
export function editUser(service, row, look) {
  const at = `/users/${path(row.id)}`;
  dialog(row.email, (body, close) => {
    const profile = jsonField({ label: "Profile", value: row.profile, want: "object", rows: 4 });
    const claims = jsonField({ label: "Claims", value: row.claims, want: "object", rows: 3, hint: "What rules and functions see of the user, and users cannot change." });
    const made = form([
      { name: "email", label: "Address", kind: "email", required: true, value: row.email },
      { name: "roles", label: "Roles", value: row.roles.join(", "), says: "With commas between." },
      { name: "email_verified", label: "The address is confirmed", kind: "checkbox", value: row.email_verified },
      { name: "disabled", label: "Disabled: cannot sign in, and what they hold is refused", kind: "checkbox", value: row.disabled },
      profile.el, claims.el,
    ], async (values) => {
      const [first, second] = [profile.read(), claims.read()];
      if (!first || !second) return;
      await service.patch(at, { ...changes(row, values), profile: first.value, claims: second.value });
      await look();
      toast("Saved.");
      close();
    }, { cancel: close });
    append(body, kv([["Id", h("code", {}, row.id)], ["Came", stamp(row.created_at)], ["Changed", stamp(row.updated_at)]]), made, deeds(service, row, at, look, close));
  }, { wide: true });
}

function deeds(service, row, at, look, close) {
  return h("div", { class: "row deeds" },
    button("Send a reset mail", { small: true, on: () => attempt(() => service.post("/auth/reset", { email: row.email }), `A mail is on its way to ${row.email}.`) }),
    button("Set a password…", { small: true, on: () => setPassword(service, row, at) }),
    button("Sign out everywhere…", { small: true, on: () => signOut(service, row, at) }),
    button("Delete…", { small: true, kind: "danger", icon: "trash", on: () => {
      close();
      remove(service, row, at, look);
    } }));
}

function setPassword(service, row, at) {
  const fields = [{ name: "password", label: "New password", kind: "password", autocomplete: "new-password", required: true }];
  return ask(`A password for ${row.email}`, fields, async (values) => {
    await service.patch(at, values);
    toast("The password is set.");
  }, { submit: "Set it" });
}

function signOut(service, row, at) {
  return sure(`Sign ${row.email} out?`, "All their sessions end; they can sign in again.", () => service.post(`${at}/sign-out`), { ok: "Sign out", done: "Signed out everywhere." });
}

function remove(service, row, at, look) {
  return sure(`Delete ${row.email}?`, "The user is removed with everything that is theirs here: sessions, keys and identities. This cannot be undone.", async () => {
    await service.delete(at);
    await look();
  }, { done: `${row.email} was deleted.` });
}

function changes(row, values) {
  const roles = rolesOf(values.roles);
  const said = { email: values.email, email_verified: values.email_verified, disabled: values.disabled };
  const changed = Object.entries(said).filter(([name, value]) => value !== row[name]);
  return { ...Object.fromEntries(changed), ...(roles.join() === row.roles.join() ? {} : { roles }) };
}

/** "staff, editor" -> ["staff", "editor"] */
export function rolesOf(text) {
  return text.split(",").map((one) => one.trim()).filter(Boolean);
}
