// Data: the frame around an app's documents, blobs, users, mails, cache and MQTT.

import { a, append, empty, h, path } from "../ui.js";
import { appOf } from "../ui/appchoice.js";

export const title = (params) => {
  const section = SECTIONS.find(([id]) => id === (params.rest ?? "").split("/")[1]);
  return section ? section[1] : "Data";
};

const SECTIONS = [
  ["documents", "Documents"],
  ["blobs", "Blobs"],
  ["users", "Users"],
  ["mail", "Mail"],
  ["cache", "Cache"],
  ["mqtt", "MQTT"],
];

/** The address is data/APP/SECTION/…; what is left out is chosen. */
export async function open(page) {
  const { el, params, api, go } = page;
  const [wanted, section = "documents", ...rest] = (params.rest ?? "").split("/").filter(Boolean);
  const found = await appOf({ el, api, wanted, choose: (app) => go(path("data", app, section)), title: "Data" });
  if (!found) return;
  const { app, service, picker } = found;
  append(el, h("div", { class: "filters subnav-row" }, picker, sections(app, section)));
  if (!SECTIONS.some(([id]) => id === section)) {
    append(el, h("h1", { tabindex: "-1" }, "Data"), empty("There is no such page", "Choose one of the kinds of data above."));
    return;
  }
  const inner = h("div", { class: "section" });
  append(el, inner);
  const part = await import(`./${section}.js`);
  await part.open({ ...page, el: inner, app, service, rest });
}

function sections(app, chosen) {
  const links = SECTIONS.map(([id, text]) => h("li", {}, a(path("data", app, id), { "aria-current": id === chosen ? "true" : null }, text)));
  return h("nav", { class: "subnav", "aria-label": "Kinds of data" }, h("ul", {}, links));
}

