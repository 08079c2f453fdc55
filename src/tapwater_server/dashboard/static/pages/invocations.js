// Calls, the newest first, with filters that stand in the address.

import { appFilter, appNames, askedApp } from "../seen/apps.js";
import { failed, invocationColumns } from "../seen/rows.js";
import { append, button, chips, h, head, problem, replace, search, select, table } from "../ui.js";

export const title = "Invocations";

const LIMIT = 50;
const LOOK_S = 3;
const ENDINGS = [["", "Any end"], ["failed", "Failed"], ["ok", "Ok"], ["user_error", "Error"], ["error_answer", "Answered 500"], ["timed_out", "Timed out"], ["crashed", "Crashed"], ["out_of_memory", "Out of memory"], ["overloaded", "Overloaded"], ["start_failed", "Start failed"], ["cancelled", "Cancelled"]];
const SLOW = [["", "Any time"], ["100", "over 100 ms"], ["1000", "over 1 s"], ["10000", "over 10 s"]];

export async function open({ el, api, live, query, setQuery, session, signal }) {
  const names = await appNames(api);
  const asked = Object.fromEntries(["app", "function", "ending", "fault", "user", "route", "revision", "took_min"].map((name) => [name, query.get(name) ?? ""]));
  asked.app = askedApp(names, session, asked.app) ?? "";
  const failing = h("div", {});
  const list = table(invocationColumns(), [], { caption: "Invocations, the newest first", mark: failed, none: { title: "No such calls", says: "Loosen the filters, or call a function.", icon: "invocations" } });
  const more = button("Older ones", { on: () => load({ before }) });
  let before = null;
  let pages = 1;
  let shown = [];

  async function load({ before: from = null } = {}) {
    try {
      const found = await api.get("/invocations", { ...asked, before: from, limit: LIMIT });
      shown = from ? [...shown, ...found.invocations] : found.invocations;
      pages = from ? pages + 1 : 1;
      before = found.before;
      list.rows(shown);
      more.hidden = !before;
      replace(failing);
    } catch (error) {
      if (error.name === "AbortError") return;
      replace(failing, problem(error, { again: () => load() }));
    }
  }

  const choose = (values) => {
    Object.assign(asked, values);
    setQuery(values);
    load();
  };
  const extra = ["fault", "user", "route", "revision"].filter((name) => asked[name]).map((name) =>
    button(`${name}: ${asked[name]}`, { icon: "close", small: true, title: `Any ${name}`, on: (event) => {
      event.currentTarget.remove();
      choose({ [name]: "" });
    } }));
  append(el,
    head("Invocations", { says: "Every call, with how it ended and what it took." }),
    h("div", { class: "filters" },
      appFilter(names, session, asked.app, (app) => choose({ app })),
      search("Function", asked.function, (text) => choose({ function: text }), { placeholder: "group/name" }),
      select("Ended", ENDINGS, asked.ending, (ending) => choose({ ending })),
      select("Took", SLOW, asked.took_min, (took_min) => choose({ took_min })),
      extra.length ? h("div", { class: "row" }, extra) : null),
    failing, h("div", { class: "card" }, list), h("div", { class: "row" }, more));
  await live.every(LOOK_S, async () => {
    if (pages === 1) await load(); // Who reads older ones is not moved away from them.
  }, signal);
}
