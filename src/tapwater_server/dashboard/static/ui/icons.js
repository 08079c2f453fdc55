// A small set of line icons, 20 by 20, drawn for this dashboard.

import { s } from "./dom.js";

const PATHS = {
  overview: "M3 11.500 7 7l3.500 3.500L17 4M3 16.500h14",
  apps: "M3.500 3.500h5v5h-5zM11.500 3.500h5v5h-5zM3.500 11.500h5v5h-5zM11.500 11.500h5v5h-5z",
  function: "M13.500 4c-2.500-1-3.500.5-4 3l-1.500 7c-.5 2.500-1.500 3-3.500 2.500M6 9h7",
  invocations: "M4 10h9M9.500 6l4 4-4 4M16.500 4v12",
  traces: "M3 5h8M6 10h8M9 15h8",
  logs: "M4 5h12M4 8.500h8M4 12h12M4 15.500h6",
  errors: "M10 3.500 17.500 16.500h-15zM10 8v4M10 14.300v.2",
  events: "M11 2.500 4.500 11.500H10l-1 6 6.500-9H10z",
  deadletters: "M3 5.500h14v10H3zM3 6l7 5 7-5M13 12l3 3M16 12l-3 3",
  queues: "M3.500 5h13v3h-13zM3.500 10h13v3h-13zM6 16h8",
  schedules: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM10 6v4l3 2",
  data: "M4 5.500c0-3 12-3 12 0s-12 3-12 0zM4 5.500v9c0 3 12 3 12 0v-9M4 10c0 3 12 3 12 0",
  bills: "M5 2.500h10v15l-2.500-1.500-2.500 1.500-2.500-1.500L5 17.500zM7.500 7h5M7.500 10h5",
  budgets: "M3 13a7 7 0 0 1 14 0M10 13l3-4M3 16.500h14",
  settings: "M3 6h7M14 6h3M3 14h3M10 14h7M12 4v4M8 12v4",
  system: "M4 4h12v9H4zM7.500 16.500h5M10 13v3.500",
  search: "M9 3.500a5.500 5.500 0 1 0 0 11 5.500 5.500 0 0 0 0-11zM13 13l4 4",
  more: "M5 10h.01M10 10h.01M15 10h.01",
  close: "M5 5l10 10M15 5L5 15",
  sun: "M10 7a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM10 2.500v1.500M10 16v1.500M2.500 10H4M16 10h1.500M4.700 4.700l1 1M14.300 14.300l1 1M4.700 15.300l1-1M14.300 5.700l1-1",
  moon: "M16 11.500A6.500 6.500 0 1 1 8.500 4a5 5 0 0 0 7.500 7.500z",
  copy: "M7 7h9v9H7zM13 7V4H4v9h3",
  check: "M4 10.500 8 14.500 16 5.500",
  replay: "M4 10a6 6 0 1 0 2-4.500M6 2.500v3.500h3.500",
  play: "M6 4l10 6-10 6z",
  pause: "M7 4.500v11M13 4.500v11",
  external: "M8 4H4v12h12v-4M11 3.500h5.500V9M16 4l-7 7",
  chevron: "M7.500 5l5 5-5 5",
  out: "M8 4H4v12h4M8 10h9M13.500 6.500 17 10l-3.500 3.500",
  help: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM8 8c0-2.600 4-2.600 4-.2 0 1.700-2 1.700-2 3.200M10 13.600v.2",
  plus: "M10 4v12M4 10h12",
  trash: "M4 6h12M8 6V4h4v2M6 6l.7 10.500h6.600L14 6",
  edit: "M4 16l1-4 8-8 3 3-8 8z",
  download: "M10 3v9M6.500 9 10 12.500 13.500 9M4 16.500h12",
  snow: "M10 2.500v15M3.500 6.300l13 7.400M16.500 6.300l-13 7.400",
};

/** Draw an icon; it says nothing to screen readers, so a button needs a label of its own. */
export function icon(name) {
  const path = PATHS[name] ?? PATHS.more;
  return s("svg", { class: "icon", viewBox: "0 0 20 20", "aria-hidden": "true" }, s("path", { d: path }));
}
