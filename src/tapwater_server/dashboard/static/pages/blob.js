// One blob: a look at it that runs nothing of it, what is said of it, and its old versions.

import { append, badge, button, bytes, dialog, exact, h, kv, note, replace, stamp, table, time, toast } from "../ui.js";
import { ask, attempt, explain } from "../ui/asking.js";
import { fileName } from "../ui/files.js";

// Pictures a browser decodes without running anything; an SVG is a page and is shown as its text.
const PICTURES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"]);
const TEXTS = /^(text\/|application\/(json|x-ndjson|xml|javascript|toml|yaml|x-yaml|sql)|image\/svg\+xml)/;
const PICTURE_BYTES_MAX = 8 << 20;
const TEXT_BYTES_MAX = 64 << 10;

/** Open a dialog about a blob of `bucket` (see blobs.js). */
export async function showBlob(bucket, key) {
  const facts = await bucket.service.get(bucket.keyPath(key), { facts: "true" });
  const address = { url: null };
  dialog(fileName(key), (body, close) => {
    const preview = h("div", { class: "blob-preview" });
    const versions = h("div");
    append(body, preview,
      kv([["Key", h("code", {}, key)], ["Size", `${bytes(facts.size)} (${exact(facts.size)} bytes)`], ["Type", facts.content_type], ["Stored", time(facts.stored_at, { exact: true })],
        ["ETag", h("code", {}, facts.etag)], ["Cache", facts.cache_control], ["Disposition", facts.content_disposition], ["Metadata", pairs(facts.metadata)], ["Tags", pairs(facts.tags)]]),
      versions,
      h("div", { class: "form-end" },
        button("Delete…", { kind: "danger", icon: "trash", on: () => closing(close, () => bucket.remove([facts])) }),
        button("Change…", { icon: "edit", on: () => closing(close, () => change(bucket, facts)) }),
        button("Download", { kind: "primary", icon: "download", on: () => bucket.download(key) })));
    look(bucket, facts, address).then((shown) => replace(preview, shown), (error) => replace(preview, note("bad", explain(error))));
    attempt(async () => replace(versions, await older(bucket, key)));
  }, { wide: true, closed: () => address.url && URL.revokeObjectURL(address.url) });
}

function closing(close, next) {
  close();
  next();
}

/** What can be shown of it. Nothing is given to the browser as a page: text is text, a picture is a picture. */
async function look(bucket, facts, address) {
  const media = facts.content_type.split(";")[0].trim().toLowerCase();
  if (PICTURES.has(media) && facts.size <= PICTURE_BYTES_MAX) {
    const response = await bucket.service.raw("GET", bucket.keyPath(facts.key));
    address.url = URL.createObjectURL(new Blob([await response.blob()], { type: media }));
    return h("img", { src: address.url, alt: `The picture ${facts.key}` });
  }
  if (!TEXTS.test(media)) return h("p", { class: "says" }, "There is no preview of this type. Download it to look at it.");
  if (facts.size === 0) return h("p", { class: "says" }, "It is empty.");
  const response = await bucket.service.raw("GET", bucket.keyPath(facts.key), { headers: { range: `bytes=0-${TEXT_BYTES_MAX - 1}` } });
  const cut = facts.size > TEXT_BYTES_MAX ? h("p", { class: "says" }, `The first ${bytes(TEXT_BYTES_MAX)}.`) : null;
  return [h("pre", { class: "plain-text", tabindex: "0", role: "group", "aria-label": `Text of ${facts.key}` }, await response.text()), cut];
}

async function older(bucket, key) {
  const { blobs } = await bucket.service.get(bucket.at, { prefix: key, versions: "true", limit: 100 });
  const mine = blobs.filter((one) => one.key === key);
  if (mine.length < 2) return null;
  return [h("h3", {}, "Versions"), table([
    { title: "Version", kind: "mono", cell: (row) => [row.version, row.current ? [" ", badge("now", "ok")] : null] },
    { title: "Size", kind: "number", cell: (row) => (row.deleted ? "deleted" : bytes(row.size)) },
    { title: "Stored", cell: (row) => stamp(row.stored_at) },
    { title: "", says: "Actions", cell: (row) => (row.deleted ? "" : button("", { small: true, kind: "quiet", icon: "download", title: `Download version ${row.version}`, on: () => bucket.download(key, row.version) })) },
  ], mine, { caption: `Versions of ${key}` })];
}

function change(bucket, facts) {
  const fields = [
    { name: "content_type", label: "Type", required: true, value: facts.content_type },
    { name: "cache_control", label: "Cache-Control", value: facts.cache_control ?? "", placeholder: "max-age=3600" },
    { name: "content_disposition", label: "Content-Disposition", value: facts.content_disposition ?? "" },
    { name: "metadata", label: "Metadata", kind: "json", want: "object", required: true, rows: 4, value: facts.metadata ?? {} },
    { name: "tags", label: "Tags", kind: "json", want: "object", required: true, rows: 3, value: facts.tags ?? {} },
  ];
  return ask(`What is said of ${fileName(facts.key)}`, fields, async (values) => {
    await bucket.service.patch(bucket.keyPath(facts.key), values);
    await bucket.look();
    toast("Saved.");
  }, { wide: true });
}

function pairs(values) {
  const said = Object.entries(values ?? {}).map(([name, value]) => `${name}: ${value}`);
  return said.join(", ");
}
