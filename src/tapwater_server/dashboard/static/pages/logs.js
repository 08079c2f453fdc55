// What functions say, as they say it.

import { appFilter, appNames, askedApp } from "../seen/apps.js";
import { logView } from "../seen/logview.js";
import { append, button, head } from "../ui.js";

export const title = "Logs";

export async function open(page) {
  const { el, api, query, session } = page;
  const names = await appNames(api);
  const asked = { app: askedApp(names, session, query.get("app")), function: query.get("function") ?? undefined, invocation: query.get("invocation") ?? undefined, trace: query.get("trace") ?? undefined };
  let choose = () => {};
  const narrowed = ["function", "invocation", "trace"].filter((name) => asked[name]).map((name) => button(`${name}: ${asked[name]}`, { icon: "close", small: true, title: `Any ${name}`, on: (event) => {
    event.currentTarget.remove();
    choose({ [name]: undefined });
  } }));
  append(el, head("Logs", { says: "print, logging and stderr of every call, and the platform about them." }),
    logView(page, asked, { extra: [appFilter(names, session, asked.app, (app) => choose({ app: app || undefined })), ...narrowed], change: (how) => {
      choose = how;
    } }));
}
