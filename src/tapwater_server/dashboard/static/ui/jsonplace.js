// Where JSON goes wrong, and what was expected there: browsers say it each in their own way, or not at all.

const SPACE = /[ \t\n\r]*/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const WORD = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const DEPTH_MAX = 1000;

class Wrong extends Error {
  constructor(at, what) {
    super(what);
    this.at = at;
  }
}

/** Find the first place that is no JSON: { at, what }, or null where all of it is. */
export function wrongIn(text) {
  try {
    const end = skip(text, value(text, skip(text, 0), 0));
    if (end < text.length) throw new Wrong(end, "the end was expected here");
    return null;
  } catch (error) {
    if (error instanceof Wrong) return { at: error.at, what: error.message };
    throw error;
  }
}

function value(text, at, depth) {
  if (depth > DEPTH_MAX) throw new Wrong(at, "this is nested too deeply");
  const first = text[at];
  if (first === "{") return list(text, at, "}", (place) => member(text, place, depth), "a name in quotes or } was expected here");
  if (first === "[") return list(text, at, "]", (place) => value(text, place, depth + 1), "a value or ] was expected here");
  if (first === '"') return string(text, at, "this text is not ended, or has a character that must be escaped");
  const end = match(WORD, text, at);
  if (end === null) throw new Wrong(at, first === undefined ? "it ends too early" : first === "'" ? "texts are written in double quotes" : "a value was expected here");
  return end;
}

function list(text, at, close, entry, expected) {
  let place = skip(text, at + 1);
  if (text[place] === close) return place + 1;
  for (;;) {
    if (text[place] === close) throw new Wrong(place, "there is a comma too many before this");
    if (text[place] === undefined) throw new Wrong(place, `it ends too early: ${expected}`);
    place = skip(text, entry(place));
    if (text[place] === close) return place + 1;
    if (text[place] !== ",") throw new Wrong(place, text[place] === undefined ? `it ends too early: ${close} is missing` : `a comma or ${close} was expected here`);
    place = skip(text, place + 1);
  }
}

function member(text, at, depth) {
  const colon = skip(text, string(text, at, "a name in double quotes was expected here"));
  if (text[colon] !== ":") throw new Wrong(colon, "a : was expected here");
  return value(text, skip(text, colon + 1), depth + 1);
}

function string(text, at, says) {
  const end = match(STRING, text, at);
  if (end === null) throw new Wrong(at, says);
  return end;
}

function skip(text, at) {
  return match(SPACE, text, at);
}

function match(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : null;
}
