// Numbers, sizes, times and money as people read them. Pure, but for the present time in `ago`.

const LOCALE = undefined; // The browser's.
const NONE = "–";

function known(value) {
  return typeof value === "number" && Number.isFinite(value);
}

/** 1234567 -> "1.23M"; whole up to 9,999. */
export function count(value) {
  if (!known(value)) return NONE;
  if (Math.abs(value) < 10_000) return new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 1 }).format(value);
  return new Intl.NumberFormat(LOCALE, { notation: "compact", maximumSignificantDigits: 3 }).format(value);
}

/** A number in full: 1234567 -> "1,234,567". */
export function exact(value) {
  return known(value) ? new Intl.NumberFormat(LOCALE).format(value) : NONE;
}

/** 1536 -> "1.5 KiB" */
export function bytes(value) {
  if (!known(value)) return NONE;
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let at = 0;
  let size = value;
  while (Math.abs(size) >= 1024 && at < units.length - 1) {
    size /= 1024;
    at += 1;
  }
  return `${short(size)} ${units[at]}`;
}

/** Milliseconds: 0.42 -> "0.42 ms", 1530 -> "1.53 s", 90000 -> "1 min 30 s" */
export function ms(value) {
  if (!known(value)) return NONE;
  if (Math.abs(value) < 1000) return `${short(value)} ms`;
  if (value < 60_000) return `${short(value / 1000)} s`;
  return seconds(value / 1000);
}

/** Seconds: 3725 -> "1 h 2 min" */
export function seconds(value) {
  if (!known(value)) return NONE;
  if (value < 60) return `${short(value)} s`;
  const whole = Math.round(value);
  const steps = [["d", 86_400], ["h", 3_600], ["min", 60], ["s", 1]];
  const first = steps.findIndex(([, size]) => whole >= size);
  const [unit, size] = steps[first];
  const rest = steps[first + 1];
  const left = rest ? Math.floor((whole % size) / rest[1]) : 0;
  return `${Math.floor(whole / size)} ${unit}${left ? ` ${left} ${rest[0]}` : ""}`;
}

/** 0.0123 -> "1.2 %" */
export function percent(value) {
  if (!known(value)) return NONE;
  const digits = value > 0 && value < 0.1 ? 1 : 0;
  return new Intl.NumberFormat(LOCALE, { style: "percent", maximumFractionDigits: digits }).format(value);
}

/** An amount of money. Small amounts keep as many digits as they need. */
export function money(value, currency = "USD") {
  if (!known(value)) return NONE;
  const small = value !== 0 && Math.abs(value) < 0.01;
  const digits = small ? { maximumSignificantDigits: 2 } : { minimumFractionDigits: 2, maximumFractionDigits: 2 };
  try {
    return new Intl.NumberFormat(LOCALE, { style: "currency", currency, ...digits }).format(value);
  } catch {
    return `${value.toFixed(small ? 6 : 2)} ${currency}`; // A currency the browser does not know.
  }
}

/** Seconds since the epoch -> "14:03:07", with the date when it is not today. */
export function time(value, { exact: whole = false } = {}) {
  if (!known(value)) return NONE;
  const date = new Date(value * 1000);
  const today = new Date().toDateString() === date.toDateString();
  const clock = { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false };
  if (whole) clock.fractionalSecondDigits = 3;
  const day = today && !whole ? {} : { month: "short", day: "numeric" };
  return new Intl.DateTimeFormat(LOCALE, { ...day, ...clock }).format(date);
}

/** Seconds since the epoch -> "5 min ago" */
export function ago(value) {
  if (!known(value)) return NONE;
  const past = Date.now() / 1000 - value;
  if (past < -1) return `in ${seconds(-past)}`;
  if (past < 5) return "just now";
  if (past < 60) return `${Math.round(past)} s ago`;
  const steps = [["min", 60], ["h", 3_600], ["d", 86_400]];
  const [unit, size] = steps.findLast(([, one]) => past >= one);
  return past > 30 * 86_400 ? time(value) : `${Math.floor(past / size)} ${unit} ago`;
}

/** Three digits that count: 0.1234 -> "0.123", 12.34 -> "12.3", 123.4 -> "123" */
export function short(value) {
  return new Intl.NumberFormat(LOCALE, { maximumSignificantDigits: 3, useGrouping: false }).format(value);
}

/** 1 and "instance" -> "1 instance"; 2 -> "2 instances" */
export function many(value, noun) {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** Cut a text that is too long for its place. */
export function clip(text, most = 80) {
  const said = String(text ?? "");
  return said.length > most ? `${said.slice(0, most - 1)}…` : said;
}

/** The name of what has a price, in words: "doc_reads" -> "doc reads", "mb_ms_100" -> "memory × time" */
export function quantity(name) {
  return name.startsWith("mb_ms") ? "memory × time" : name.replaceAll("_", " ");
}
