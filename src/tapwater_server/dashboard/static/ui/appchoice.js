// Which app a page is about: said in its address, else the last one, else the first.

import { Problem } from "../api.js";
import { append, path } from "./dom.js";
import { select } from "./form.js";
import { empty, head } from "./parts.js";

const KEPT = "tapwater.app";

/** Find the app. Gives { app, apps, service, picker }, or null after it has told that there is none yet. `choose(app)` hears
 * of another choice. `service` is the API below that app. */
export async function appOf({ el, api, wanted, choose, title }) {
  const { apps } = await api.get("/apps");
  if (!apps.length) {
    append(el, head(title), empty("There is no app yet", "Deploy one, and what it does is seen here.", { command: "tapwater deploy", icon: "apps" }));
    return null;
  }
  const names = apps.map((one) => one.name);
  if (wanted && !names.includes(wanted)) throw new Problem(404, { title: "Not found", detail: `There is no app ${wanted} here.` });
  const app = [wanted, remembered(), apps.find((one) => one.default)?.name].find((one) => names.includes(one)) ?? names[0];
  remember(app);
  const picker = select("App", names.map((name) => [name, name]), app, choose);
  return { app, apps, service: new Service(api, app), picker };
}

/** The API of one app's services. */
export class Service {
  constructor(api, app) {
    this.api = api;
    this.root = `/apps/${path(app)}`;
    for (const verb of ["get", "post", "put", "patch", "delete"]) {
      this[verb] = (below, ...rest) => api[verb](`${this.root}${below}`, ...rest);
    }
  }

  /** Any request, as `Api.raw`. */
  raw(verb, below, options) {
    return this.api.raw(verb, `${this.root}${below}`, options);
  }

  /** As `Api.ask`. */
  ask(verb, below, options) {
    return this.api.ask(verb, `${this.root}${below}`, options);
  }
}

function remembered() {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null; // Storage can be forbidden.
  }
}

function remember(app) {
  try {
    localStorage.setItem(KEPT, app);
  } catch {
    return; // Then the first app comes again.
  }
}
