// Settings: secrets of an app, tokens of people and build servers, and which app answers at the bare host.

import { append, badge, button, card, h, head, kv, path, select, toast } from "../ui.js";
import { appOf } from "../ui/appchoice.js";
import { ask, attempt, sure } from "../ui/asking.js";
import { listing } from "../ui/listing.js";
import { once } from "./users.js";

export const title = "Settings";

export async function open({ el, query, api, go, session }) {
  const { apps } = await api.get("/apps");
  append(el, head(title, { says: "Secrets, tokens, and what this server answers with." }));
  if (apps.length || query.get("app")) {
    const found = await appOf({ el, api, wanted: query.get("app"), choose: (app) => go("settings", { app }), title });
    const secrets = secretCard(found);
    append(el, secrets.el);
    await secrets.look();
  }
  if (!session.admin) return;
  const tokens = tokenCard(api);
  append(el, tokens.el, defaultApp(api, apps));
  await tokens.look();
}

function secretCard({ app, service, picker }) {
  const list = listing({
    caption: "Secrets", key: (row) => row.name,
    none: { title: "No secrets", says: "Functions read a secret by its name; its value is encrypted and never shown again.", command: `tapwater secrets set API_KEY --app ${app}` },
    columns: [
      { title: "Name", kind: "mono wide", cell: (row) => row.name },
      { title: "Value", cell: () => h("span", { class: "faint" }, "set; never shown") },
      { title: "", says: "Actions", kind: "actions", cell: (row) => [
        button("Set anew…", { small: true, title: `Set ${row.name} anew`, on: () => set(row.name) }),
        button("", { small: true, kind: "quiet", icon: "trash", title: `Remove ${row.name}`, on: () => remove(row) }),
      ] },
    ],
  });
  const look = async () => list.show((await service.get("/secrets")).secrets.map((name) => ({ name })));
  const set = (name) => ask(name ? `Set ${name}` : "New secret", [
    ...(name ? [] : [{ name: "name", label: "Name", required: true, placeholder: "API_KEY" }]),
    { name: "value", label: "Value", kind: "password", required: true, autocomplete: "new-password", says: "It is encrypted, and cannot be read here again." },
  ], async (values) => {
    await service.put(`/secrets/${path(name ?? values.name)}`, { value: values.value });
    await look();
    toast("The secret is set. New instances have it.");
  }, { submit: "Set it" });
  const remove = (row) => sure(`Remove ${row.name}?`, `Functions of ${app} that read ${row.name} fail from their next start on.`, async () => {
    await service.delete(`/secrets/${path(row.name)}`);
    await look();
  }, { ok: "Remove", done: `${row.name} was removed.` });
  const el = card("Secrets", { flush: true, actions: [picker, button("New secret…", { small: true, icon: "plus", on: () => set(null) })] }, list.el);
  return { el, look };
}

function tokenCard(api) {
  const list = listing({
    caption: "Tokens", key: (row) => row.name,
    none: { title: "No tokens", says: "The admin token in the data directory always works. Issue others for people and build servers.", command: "tapwater tokens create ci --app shop" },
    columns: [
      { title: "Name", kind: "wide", cell: (row) => row.name },
      { title: "For", cell: (row) => (row.admin ? badge("everything", "warn") : row.apps.map((app) => [badge(app, "info"), " "])) },
      { title: "", says: "Actions", kind: "actions", cell: (row) => button("Revoke…", { small: true, title: `Revoke ${row.name}`, on: () => revoke(row) }) },
    ],
  });
  const look = async () => list.show((await api.get("/tokens")).tokens);
  const revoke = (row) => sure(`Revoke ${row.name}?`, `Whoever uses the token ${row.name} is refused from now on: scripts, build servers, and dashboards signed in with it.`, async () => {
    await api.delete(`/tokens/${path(row.name)}`);
    await look();
  }, { ok: "Revoke", done: `${row.name} was revoked.` });
  const issue = async () => {
    const fields = [
      { name: "name", label: "Name", required: true, placeholder: "ci" },
      { name: "apps", label: "For these apps", placeholder: "shop, blog", says: "With commas between." },
      { name: "admin", label: "For everything: an admin", kind: "checkbox" },
    ];
    const made = await ask("New token", fields, async ({ name, apps, admin }) => {
      const token = await api.post("/tokens", { name, admin, apps: admin ? [] : apps.split(",").map((one) => one.trim()).filter(Boolean) });
      await look();
      return token;
    }, { submit: "Issue" });
    if (made) once("The new token", made.token);
  };
  const el = card("Tokens", { flush: true, says: "With a token one uses this API and this dashboard.", actions: [button("New token…", { small: true, icon: "plus", on: issue })] }, list.el);
  return { el, look };
}

function defaultApp(api, apps) {
  const now = apps.find((one) => one.default)?.name ?? "";
  const choices = [["", "No app"], ...apps.map((one) => [one.name, one.name])];
  const chosen = select("App that answers at the bare host", choices, now, (name) => attempt(() => api.put("/settings/default-app", { app: name || null }), name ? `${name} answers at the bare host.` : "No app answers at the bare host."));
  return card("Hosts", { actions: [chosen] }, kv(apps.map((one) => [one.name, one.url ? h("a", { href: one.url, target: "_blank", rel: "noopener" }, one.url) : null])));
}

