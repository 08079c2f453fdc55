// Bills: what a month's use costs, line by line, and what it would cost elsewhere.

import { append, button, bytes, card, code, empty, exact, h, head, money, note, quantity, replace, select, short, stat, stats, table } from "../ui.js";
import { attempt, many } from "../ui/asking.js";
import { barList } from "../ui/barlist.js";
import { lookOften } from "../ui/looking.js";
import { save } from "../ui/files.js";

export const title = "Bills";

const LOOK_S = 30;
const BARS = 12;
const BYS = [["app,function", "App and function"], ["app", "App"], ["project", "Project"], ["function", "Function"], ["app,revision", "Revision"], ["app,route", "Route"], ["user", "User"], ["day", "Day"]];

export async function open({ el, query, api, live, session, setQuery, signal }) {
  const page = new Bills({ api, setQuery, query });
  const [{ tariffs }, { apps }, projects] = await Promise.all([api.get("/tariffs"), api.get("/apps"), projectsOf(api, session)]);
  page.tariffs = new Map(tariffs.map((one) => [one.name, one]));
  append(el, page.draw(apps.map((one) => one.name), projects));
  await lookOften(live, LOOK_S, () => page.look(), signal);
}

/** Only the admin may see who belongs where. */
async function projectsOf(api, session) {
  if (!session.admin) return [];
  return (await api.get("/projects")).projects.map((one) => one.name);
}

class Bills {
  constructor({ api, setQuery, query }) {
    Object.assign(this, { api, setQuery });
    this.asked = { month: query.get("month") ?? thisMonth(), by: query.get("by") ?? "app,function", as: query.get("as") ?? "", app: query.get("app") ?? "", project: query.get("project") ?? "" };
  }

  draw(apps, projects) {
    this.links = h("div", { class: "row" });
    this.numbers = h("div");
    this.clouds = h("div");
    this.largest = h("div");
    this.lines = h("div");
    this.about = h("div");
    const change = (name) => (value) => this.change({ [name]: value });
    const filters = h("div", { class: "filters" },
      select("Month", months(this.asked.month), this.asked.month, change("month")),
      select("By", BYS.some(([by]) => by === this.asked.by) ? BYS : [...BYS, [this.asked.by, this.asked.by]], this.asked.by, change("by")),
      select("Prices", [["", "Ours"], ...[...this.tariffs.keys()].filter((name) => name !== "ours").map((name) => [name, name])], this.asked.as, change("as")),
      select("App", [["", "All apps"], ...apps.map((name) => [name, name])], this.asked.app, change("app")),
      projects.length > 1 ? select("Project", [["", "All projects"], ...projects.map((name) => [name, name])], this.asked.project, change("project")) : null);
    return [
      head(title, { says: "What was used, each call and each document once, and what it costs.", actions: [this.links] }),
      filters, this.numbers,
      h("div", { class: "grid two" }, card("The largest", {}, this.largest), card("The same use elsewhere", { says: "By their published prices, granularity and free grants." }, this.clouds)),
      card("Lines", { flush: true }, this.lines), card("Prices", {}, this.about),
    ];
  }

  change(values) {
    Object.assign(this.asked, values);
    this.setQuery(this.asked);
    attempt(() => this.look());
  }

  async look() {
    const [bill, elsewhere] = await Promise.all([this.api.get("/bills", this.asked), this.api.get("/bills", { ...this.asked, as: "all" })]);
    const text = JSON.stringify([bill, elsewhere.as]);
    if (text === this.shown) return; // Nothing new: what somebody has unfolded stays so.
    this.shown = text;
    replace(this.links, this.outs());
    replace(this.numbers, stats(
      stat("Total", money(Number(bill.total), bill.currency), { says: `${bill.month}, by ${bill.tariff}${bill.as_of ? ` of ${bill.as_of}` : ""}` }),
      stat("Lines", exact(bill.lines.length)), stat("Calls", short(used(bill, "calls"))), stat("Documents read", short(used(bill, "doc_reads"))), stat("Sent out", bytes(used(bill, "bytes_out") + used(bill, "egress_bytes")))));
    replace(this.largest, largest(bill));
    replace(this.clouds, clouds(elsewhere, (name) => this.tariffs.get(name)?.says ?? ""));
    replace(this.lines, this.table(bill));
    replace(this.about, about(this.tariffs.get(bill.tariff)));
  }

  /** Ways out. The session counts with our own requests only, so files are asked for and saved. */
  outs() {
    const file = (format) => () => attempt(async () => save(await this.api.raw("GET", "/bills", { query: { ...this.asked, format } }), `bill-${this.asked.month}.${format}`));
    return [
      button("Print", { on: print, title: "Print this page, with all lines unfolded" }),
      button("HTML", { icon: "download", on: file("html"), title: "Save a page that prints" }),
      button("CSV", { icon: "download", on: file("csv"), title: "Save the lines for a spreadsheet" }),
    ];
  }

  table(bill) {
    const columns = bill.by.map((name, at) => ({ title: name[0].toUpperCase() + name.slice(1), cell: (row) => row.key[at] || "–" }));
    return table([...columns,
      { title: "What", kind: "wide", cell: (row) => unfold(row, bill.currency) },
      { title: "Cost", kind: "number", cell: (row) => h("b", {}, money(Number(row.cost), bill.currency)) },
    ], bill.lines, { caption: "Lines of the bill", none: { title: "Nothing was used in this month", says: "Calls, documents and blobs are on the bill from the moment they happen.", command: `tapwater bill --month ${bill.month}`, icon: "bills" } });
  }
}

function print() {
  for (const one of document.querySelectorAll(".page-bills details")) one.open = true;
  window.print();
}

function largest(bill) {
  const lines = bill.lines.filter((line) => Number(line.cost) > 0).slice(0, BARS);
  if (lines.length) {
    return barList("The largest lines of the bill", lines.map((line) => ({ name: line.key.filter(Boolean).join(" · ") || "–", value: Number(line.cost), says: money(Number(line.cost), bill.currency) })));
  }
  const busy = bill.lines.filter((line) => line.used.calls).sort((one, other) => other.used.calls - one.used.calls).slice(0, BARS);
  if (!busy.length) return empty("Nothing yet", "There was no use in this month.");
  return h("div", { class: "stack" }, h("p", { class: "says" }, "By these prices all of it is free; so by calls:"),
    barList("The busiest lines", busy.map((line) => ({ name: line.key.filter(Boolean).join(" · ") || "–", value: line.used.calls, says: many(short(line.used.calls), "call") }))));
}

function clouds(bill, says) {
  const rows = Object.entries(bill.as).filter(([name]) => name !== "ours").map(([name, one]) => ({ name, currency: one.currency, title: says(name), value: Number(one.total), says: money(Number(one.total), one.currency) }));
  if (!rows.length) return empty("No other tariffs", "Tariffs of other clouds can be put into the data directory.");
  const all = rows.every((row) => row.value === 0) ? h("p", { class: "says" }, "So little that their free grants cover it.") : null;
  const ours = bill.as.ours && h("p", {}, "Here: ", h("b", {}, Number(bill.as.ours.total) ? money(Number(bill.as.ours.total), bill.as.ours.currency) : "free"));
  return h("div", { class: "stack" }, ours, byCurrency(rows), all);
}

/** Only totals of one currency stand beside each other: nothing is converted. */
function byCurrency(rows) {
  const currencies = [...new Set(rows.map((row) => row.currency))].sort();
  return currencies.map((currency) => [
    h("p", { class: "says" }, `In ${currency}, by their price lists${currencies.length > 1 ? "; nothing is converted" : ""}.`),
    barList(`Totals by cloud in ${currency}`, rows.filter((row) => row.currency === currency).sort((one, other) => one.value - other.value)),
  ]);
}

/** What a line is made of, unfolded when somebody wants to know. */
function unfold(row, currency) {
  const items = row.items.filter((item) => item.amount > 0);
  const summary = items.length ? many(items.length, "item") : used1(row.used);
  if (!items.length) return h("span", {}, summary);
  const lines = items.map((item) => h("tr", {}, h("td", {}, quantity(item.quantity)), h("td", { class: "number" }, `${short(item.amount)} ${item.unit}`),
    h("td", { class: "number" }, item.free ? `${short(item.free)} free` : ""), h("td", { class: "number" }, money(Number(item.cost), currency))));
  return h("details", {}, h("summary", {}, summary), h("table", { class: "items" }, h("caption", { class: "only-heard" }, "Items"), h("tbody", {}, lines)));
}

function used1(amounts) {
  const said = ["calls", "doc_reads", "doc_writes", "blob_reads", "mails", "events"].filter((name) => amounts[name]).map((name) => `${short(amounts[name])} ${name.replaceAll("_", " ")}`);
  return said.join(", ") || "–";
}

function about(tariff) {
  if (!tariff) return null;
  return [
    h("p", {}, tariff.says || tariff.name),
    tariff.free ? note("info", "These prices are all 0. Set your own with ", h("code", {}, "TAPWATER_TARIFF"), " to bill what is used.") : null,
    tariff.notes.length ? h("ul", { class: "plain" }, tariff.notes.map((one) => h("li", {}, one))) : null,
    tariff.sources.length ? h("p", { class: "says" }, "Sources: ", tariff.sources.join(", ")) : null,
    code("tapwater bill --as all", { label: "Command" }),
  ];
}

function used(bill, quantity) {
  return bill.lines.reduce((sum, line) => sum + (line.used[quantity] ?? 0), 0);
}

function thisMonth() {
  return new Date().toISOString().slice(0, 7);
}

/** The last twelve months, and the one that is asked for. */
function months(asked) {
  const now = new Date();
  const names = Array.from({ length: 12 }, (_, back) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1)).toISOString().slice(0, 7));
  return [...new Set([...names, asked])].map((name) => [name, name]);
}

