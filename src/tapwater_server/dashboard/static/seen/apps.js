// Which apps and functions there are: for selects, and to tell a new platform from a quiet one.

import { select } from "../ui.js";

/** The names of the apps that who is signed in may see. */
export async function appNames(api) {
  const { apps } = await api.get("/apps");
  return apps.map((app) => app.name);
}

/** A filter by app; without a choice all of them, for those who may see all. */
export function appFilter(names, session, chosen, choose) {
  const all = session.admin || names.length === 1 ? [["", "All apps"]] : [];
  return select("App", [...all, ...names.map((name) => [name, name])], chosen ?? "", choose);
}

/** The app to ask for: the one chosen; holders for several must name one. */
export function askedApp(names, session, chosen) {
  if (chosen) return chosen;
  return session.admin || names.length < 2 ? undefined : names[0];
}
