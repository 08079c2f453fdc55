// Budgets: how much may be spent, how much is, and what happens then. And which app belongs to which project.

import { append, badge, button, card, empty, h, head, meter, money, path, replace, short, stamp, toast } from "../ui.js";
import { ask, sure } from "../ui/asking.js";
import { listing } from "../ui/listing.js";
import { lookOften } from "../ui/looking.js";

export const title = "Budgets";

const LOOK_S = 5;
const DOES = [["warn", "warn"], ["slow", "slow down"], ["refuse", "refuse"]];
const USUAL = "50 warn, 80 warn, 100 refuse";

export async function open({ el, api, live, session, signal }) {
  const page = new Budgets(api, session.admin);
  append(el, page.draw());
  await lookOften(live, LOOK_S, () => page.look(), signal);
}

class Budgets {
  constructor(api, admin) {
    Object.assign(this, { api, admin });
  }

  draw() {
    this.box = h("div", { class: "budgets" });
    this.projects = listing({
      caption: "Projects", key: (row) => row.name,
      none: { title: "No projects", says: "A project holds apps that are billed together." },
      columns: [
        { title: "Project", kind: "wide", cell: (row) => row.name },
        { title: "Apps", kind: "wide", cell: (row) => row.apps.join(", ") || "–" },
        { title: "", says: "Actions", kind: "actions", cell: (row) => (row.name === "default" ? "" : [
          button("Change…", { small: true, title: `Change ${row.name}`, on: () => this.project(row) }),
          button("", { small: true, kind: "quiet", icon: "trash", title: `Remove ${row.name}`, on: () => this.dissolve(row) }),
        ]) },
      ],
    });
    return [
      head(title, { says: "A limit holds before a call is let in, with nothing read from a disk.", actions: [button("New budget…", { kind: "primary", icon: "plus", on: () => this.edit(null) })] }),
      this.box,
      this.admin ? card("Projects", { flush: true, says: "Apps that are billed and limited together.", actions: [button("New project…", { small: true, icon: "plus", on: () => this.project(null) })] }, this.projects.el) : null,
    ];
  }

  async look() {
    const [found, grouped] = await Promise.all([this.api.get("/budgets"), this.admin ? this.api.get("/projects") : null]);
    this.currency = found.currency;
    const text = JSON.stringify(found.budgets);
    if (text !== this.shown && !this.box.contains(document.activeElement)) {
      this.shown = text;
      replace(this.box, found.budgets.length ? found.budgets.map((one) => this.show(one)) : this.none());
    }
    if (grouped) this.projects.show(grouped.projects);
  }

  none() {
    return empty("No budgets yet", "Without one nothing is limited. Make one for an app, a function, a project or the whole node.",
      { command: "tapwater budgets set monthly --app APP --limit 20", icon: "budgets" });
  }

  show(one) {
    const amount = (value) => (one.unit === this.currency ? money(value, one.unit) : `${short(value)} ${one.unit.replaceAll("_", " ")}`);
    const says = `${amount(one.spent)} of ${amount(one.limit)} a ${one.every}`;
    const share = one.limit ? (100 * one.spent) / one.limit : 100;
    return card(one.name, { actions: [state(one.state),
      button("Change…", { small: true, icon: "edit", title: `Change ${one.name}`, on: () => this.edit(one) }),
      button("", { small: true, kind: "quiet", icon: "trash", title: `Remove ${one.name}`, on: () => this.remove(one) })] },
    h("div", { class: "budget" },
      h("p", { class: "budget-says" }, h("b", {}, says), h("span", { class: "faint" }, ` ${share >= 10 ? Math.round(share) : share.toFixed(1)} %`)),
      meter(one.spent, one.limit, `${one.name}: ${says}`),
      h("p", { class: "says" }, `Of ${scope(one)}. Begins anew `, stamp(one.until), ". ", steps(one))));
  }

  edit(one) {
    const fields = [
      ...(one ? [] : [{ name: "name", label: "Name", required: true, placeholder: "monthly" }]),
      { name: "kind", label: "Of", kind: "select", value: one?.scope ?? "app", choices: [["app", "an app"], ["function", "a function"], ["project", "a project"], ["node", "the whole node"]] },
      { name: "of", label: "Which", value: one ? one.function || one.app || one.project : "", placeholder: "blog, blog:group/name or a project", says: "Nothing for the whole node." },
      { name: "limit", label: "Limit", kind: "number", required: true, min: 0, step: "any", value: one?.limit ?? "" },
      { name: "unit", label: "In", value: one?.unit ?? this.currency, says: `${this.currency ?? "Money"}, or a quantity: calls, doc_reads, wall_ms, …` },
      { name: "every", label: "Each", kind: "select", value: one?.every ?? "month", choices: [["month", "month"], ["day", "day"]] },
      { name: "steps", label: "Steps", value: one ? one.steps.map((step) => `${step.at} ${step.does}`).join(", ") : USUAL, says: "At so many percent: warn, slow or refuse." },
      { name: "mails", label: "Tell by mail", value: one?.mails.join(", ") ?? "", placeholder: "ada@example.com" },
      { name: "webhooks", label: "Tell by webhook", value: one?.webhooks.join(", ") ?? "", placeholder: "https://…" },
    ];
    return ask(one ? one.name : "New budget", fields, async (values) => {
      const body = { limit: values.limit, unit: values.unit.trim(), every: values.every, steps: stepsOf(values.steps), mails: list(values.mails), webhooks: list(values.webhooks), ...(one ? { zone: one.zone, strict: one.strict, tells: one.tells } : {}) };
      if (values.kind !== "node") body[values.kind] = values.of.trim();
      const set = await this.api.put(`/budgets/${path(one?.name ?? values.name)}`, body);
      if (set.note) toast(set.note, "warn");
      this.shown = null;
      await this.look();
    }, { submit: one ? "Save" : "Make it" });
  }

  remove(one) {
    return sure(`Remove ${one.name}?`, `Nothing limits ${scope(one)} by this budget any more, from this moment on.`, async () => {
      await this.api.delete(`/budgets/${path(one.name)}`);
      this.shown = null;
      await this.look();
    }, { ok: "Remove", done: `${one.name} was removed.` });
  }

  project(row) {
    const fields = [
      ...(row ? [] : [{ name: "name", label: "Name", required: true, placeholder: "web" }]),
      { name: "apps", label: "Apps", value: row?.apps.join(", ") ?? "", placeholder: "shop, blog", says: "An app leaves the project it was in." },
    ];
    return ask(row ? row.name : "New project", fields, async ({ name, apps }) => {
      await this.api.put(`/projects/${path(row?.name ?? name)}`, { apps: list(apps) });
      await this.look();
    });
  }

  dissolve(row) {
    return sure(`Remove the project ${row.name}?`, `Its apps (${row.apps.join(", ") || "none"}) go back to the project default; they stay as they are.`, async () => {
      await this.api.delete(`/projects/${path(row.name)}`);
      await this.look();
    }, { ok: "Remove" });
  }
}

const STATES = { open: ["within", "ok"], warned: ["warned", "warn"], slowed: ["slowed down", "warn"], spent: ["spent: refuses", "bad"] };

function state(name) {
  const [text, kind] = STATES[name] ?? [name, "info"];
  return badge(text, kind);
}

function scope(one) {
  if (one.function) return `the function ${one.function}`;
  if (one.app) return `the app ${one.app}`;
  return one.project ? `the project ${one.project}` : "the whole node";
}

function steps(one) {
  const words = Object.fromEntries(DOES);
  return one.steps.map((step) => `${words[step.does] ?? step.does} at ${step.at} %`).join(", ").replace(/^./, (first) => first.toUpperCase()) + ".";
}

/** "50 warn, 100 refuse" -> [{at: 50, does: "warn"}, …] */
export function stepsOf(text) {
  return list(text).map((one) => {
    const [at, does] = one.split(/[\s%]+/);
    if (!Number.isFinite(Number(at)) || !DOES.some(([name]) => name === does)) throw new Error(`“${one}” is no step: write 80 warn, 90 slow or 100 refuse`);
    return { at: Number(at), does };
  });
}

function list(text) {
  return text.split(",").map((one) => one.trim()).filter(Boolean);
}
