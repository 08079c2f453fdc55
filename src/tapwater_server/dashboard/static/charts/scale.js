// Where values and times stand on an axis. Pure.

/** Round steps from 0 to at least `most`: ticks(0.87) -> [0, 0.25, 0.5, 0.75, 1]; `whole`: whole numbers only. */
export function ticks(most, { wanted = 4, whole = false } = {}) {
  if (!(most > 0)) return [0, 1];
  const rough = most / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const even = power * [1, 2, 2.5, 5, 10].find((one) => one * power >= rough * 0.999);
  const step = whole ? Math.max(1, Math.ceil(even)) : even;
  const found = [];
  for (let at = 0; at < most + step * 0.999; at += step) found.push(Number(at.toPrecision(12)));
  return found;
}

const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000];

/** Round moments between two times (seconds), at most `most`, in local time. */
export function moments(since, until, most = 6) {
  const span = Math.max(1, until - since);
  const step = STEPS_S.find((one) => span / one <= most) ?? STEPS_S.at(-1);
  const shift = new Date(since * 1000).getTimezoneOffset() * 60;
  const found = [];
  for (let at = Math.ceil((since - shift) / step) * step + shift; at <= until; at += step) found.push(at);
  return { step, found };
}

/** Write a moment as an axis does. */
export function moment(at, step) {
  const date = new Date(at * 1000);
  const clock = { hour: "2-digit", minute: "2-digit", hour12: false };
  if (step < 60) return new Intl.DateTimeFormat(undefined, { ...clock, second: "2-digit" }).format(date);
  const midnight = date.getHours() === 0 && date.getMinutes() === 0;
  if (step >= 86_400 || (midnight && step >= 3_600)) return new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" }).format(date);
  return new Intl.DateTimeFormat(undefined, clock).format(date);
}
