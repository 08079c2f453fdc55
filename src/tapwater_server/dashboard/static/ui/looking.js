// Looking again and again at something that changes.

/** Look once, and say what goes wrong as the page's own problem; then look every so many seconds until it is left. */
export async function lookOften(live, seconds, look, signal) {
  await look();
  let looked = true; // `live.every` begins at once: that one is done.
  return live.every(seconds, () => {
    if (!looked) return look();
    looked = false;
    return null;
  }, signal);
}
