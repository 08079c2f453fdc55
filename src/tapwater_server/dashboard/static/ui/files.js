// Files in and out: what the server sends is saved under a name, and files are chosen from this machine.

import { h } from "./dom.js";

const KEPT_MS = 60_000; // So long a download may take to begin.

/** Save a Response as a file. Nothing of it is opened in this page. */
export async function save(response, name) {
  const bytes = await response.blob();
  const address = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  const link = h("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), KEPT_MS);
}

/** Let somebody choose files; `chosen(files)` hears which. */
export function choose({ accept = "", multiple = false, label }, chosen) {
  const input = h("input", { type: "file", accept: accept || null, multiple, class: "only-heard", "aria-label": label, tabindex: "-1" });
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.remove();
    if (files.length) chosen(files);
  });
  input.addEventListener("cancel", () => input.remove());
  document.body.append(input);
  input.click();
}

/** The last part of a key, as a file's name. */
export function fileName(key) {
  return key.split("/").filter(Boolean).at(-1) ?? "file";
}
