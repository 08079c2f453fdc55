// A path that is no page.

import { a, append, empty, head } from "../ui.js";

export const title = "Not found";

export async function open({ el }) {
  append(el, head("There is no such page"), empty("Nothing is at this address", "It may have been removed, or the link is old.", { action: a("", { class: "button primary" }, "Go to the overview") }));
}
