// What pages are made of: one import for all of it.

export { h, s, a, append, replace, href, path, fresh } from "./ui/dom.js";
export { ago, bytes, clip, count, exact, many, money, ms, percent, quantity, seconds, short, time } from "./ui/format.js";
export { icon } from "./ui/icons.js";
export {
  badge, button, card, chips, code, copy, empty, ending, head, json, kv, meter, note, problem, skeleton, stat, stats, stamp, tabs,
} from "./ui/parts.js";
export { table } from "./ui/table.js";
export { field, form, search, select } from "./ui/form.js";
export { confirm, dialog, toast } from "./ui/dialogs.js";
