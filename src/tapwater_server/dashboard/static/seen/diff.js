// The lines that two texts have not in common: Myers' O(ND) walk. Pure.

const EDITS_MAX = 1_000; // Texts that differ in more are not compared: they are another text.

/** Give [{kind: "same" | "gone" | "new", text, was, is}, …] with line numbers; null: too different. */
export function diff(before, after) {
  const a = linesOf(before);
  const b = linesOf(after);
  const trace = walk(a, b);
  return trace && back(a, b, trace);
}

function linesOf(text) {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

function walk(a, b) {
  const most = Math.min(a.length + b.length, EDITS_MAX);
  const reached = new Map([[1, 0]]);
  const trace = [];
  for (let edits = 0; edits <= most; edits += 1) {
    trace.push(new Map(reached));
    for (let k = -edits; k <= edits; k += 2) {
      const down = k === -edits || (k !== edits && (reached.get(k - 1) ?? -1) < (reached.get(k + 1) ?? -1));
      let x = down ? reached.get(k + 1) : reached.get(k - 1) + 1;
      let y = x - k;
      while (x < a.length && y < b.length && a[x] === b[y]) {
        x += 1;
        y += 1;
      }
      reached.set(k, x);
      if (x >= a.length && y >= b.length) return trace;
    }
  }
  return null;
}

function back(a, b, trace) {
  const found = [];
  let x = a.length;
  let y = b.length;
  for (let edits = trace.length - 1; edits >= 0; edits -= 1) {
    const reached = trace[edits];
    const k = x - y;
    const down = k === -edits || (k !== edits && (reached.get(k - 1) ?? -1) < (reached.get(k + 1) ?? -1));
    const from = down ? k + 1 : k - 1;
    const fromX = edits === 0 ? 0 : reached.get(from);
    const fromY = edits === 0 ? 0 : fromX - from;
    while (x > fromX && y > fromY && (edits === 0 || x > fromX + (down ? 0 : 1) || y > fromY + (down ? 1 : 0))) {
      x -= 1;
      y -= 1;
      found.push({ kind: "same", text: a[x], was: x + 1, is: y + 1 });
    }
    if (edits === 0) break;
    if (down) {
      y -= 1;
      found.push({ kind: "new", text: b[y], is: y + 1 });
    } else {
      x -= 1;
      found.push({ kind: "gone", text: a[x], was: x + 1 });
    }
  }
  return found.reverse();
}
