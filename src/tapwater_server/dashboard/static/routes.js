// Which page is where, and what the navigation shows. A page is a module in pages/.
//
// {name} is one part of the path, {name*} the rest (function names have slashes).

export const ROUTES = [
  { path: "", page: "overview" },
  { path: "apps", page: "apps" },
  { path: "apps/{app}", page: "app" },
  { path: "apps/{app}/functions/{function*}", page: "function" },
  { path: "invocations", page: "invocations" },
  { path: "invocations/{id}", page: "invocation" },
  { path: "traces", page: "traces" },
  { path: "traces/{id}", page: "trace" },
  { path: "logs", page: "logs" },
  { path: "errors", page: "errors" },
  { path: "errors/{id}", page: "error" },
  { path: "events", page: "events" },
  { path: "deadletters", page: "deadletters" },
  { path: "queues", page: "queues" },
  { path: "schedules", page: "schedules" },
  { path: "data", page: "data" },
  { path: "data/{rest*}", page: "data" },
  { path: "bills", page: "bills" },
  { path: "budgets", page: "budgets" },
  { path: "settings", page: "settings" },
  { path: "system", page: "system" },
];

/** Groups of the navigation: [heading, [[to, text, icon, key], …]]; `g` and the key goes there. */
export const NAV = [
  ["", [
    ["", "Overview", "overview", "o"],
    ["apps", "Apps", "apps", "a"],
  ]],
  ["Seeing", [
    ["invocations", "Invocations", "invocations", "i"],
    ["logs", "Logs", "logs", "l"],
    ["traces", "Traces", "traces", "t"],
    ["errors", "Errors", "errors", "e"],
  ]],
  ["Events", [
    ["events", "Events", "events", "v"],
    ["deadletters", "Dead letters", "deadletters", "x"],
    ["queues", "Queues", "queues", "q"],
    ["schedules", "Schedules", "schedules", "c"],
  ]],
  ["Data", [["data", "Data", "data", "d"]]],
  ["Money", [
    ["bills", "Bills", "bills", "b"],
    ["budgets", "Budgets", "budgets", "u"],
  ]],
  ["Platform", [
    ["settings", "Settings", "settings", "s"],
    ["system", "System", "system", "y"],
  ]],
];

/** What a phone has at its lower edge. */
export const THUMB = ["", "apps", "logs", "errors"];

/** Find the page at a path below /_/; null: there is none. */
export function find(path) {
  const parts = path.split("/").filter(Boolean);
  for (const route of ROUTES) {
    const params = fits(route.path.split("/").filter(Boolean), parts);
    if (params) return { page: route.page, params };
  }
  return null;
}

function fits(pattern, parts) {
  const params = {};
  for (const [at, wanted] of pattern.entries()) {
    if (wanted.endsWith("*}")) {
      if (parts.length <= at) return null;
      params[wanted.slice(1, -2)] = parts.slice(at).map(decodeURIComponent).join("/");
      return params;
    }
    if (at >= parts.length) return null;
    if (wanted.startsWith("{")) params[wanted.slice(1, -1)] = decodeURIComponent(parts[at]);
    else if (wanted !== parts[at]) return null;
  }
  return parts.length === pattern.length ? params : null;
}
