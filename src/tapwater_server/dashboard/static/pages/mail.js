// Mails an app has sent or tried to: what was in them and what became of them.

import { append, badge, button, bytes, card, chips, dialog, h, head, kv, path, stamp, time } from "../ui.js";
import { attempt, sure } from "../ui/asking.js";
import { save } from "../ui/files.js";
import { listing } from "../ui/listing.js";
import { lookOften } from "../ui/looking.js";

const LOOK_S = 5;
const PAGE = 200;
const STAGES = [["", "All"], ["waiting", "Waiting"], ["sent", "Sent"], ["kept", "Kept"], ["dead", "Given up"]];
const KINDS = { waiting: "info", sent: "ok", kept: "", dead: "bad" };

export async function open({ el, app, service, live, signal, query, setQuery }) {
  let stage = query.get("stage") ?? "";
  const show = (row) => attempt(async () => openMail(service, await service.get(`/mail/${path(row.id)}`), look));
  const list = listing({
    caption: "Mails", key: (row) => row.id,
    none: { title: "No mails", says: "What functions send is seen here. Where no server for mail is set, mails are kept and not sent.", command: `tapwater mail send --to ada@example.com --subject Hello --text Hi --app ${app}` },
    columns: [
      { title: "Subject", kind: "wide", cell: (row) => button(row.subject || "(none)", { kind: "quiet link", on: () => show(row) }) },
      { title: "To", cell: (row) => row.to },
      { title: "State", cell: (row) => badge(stageName(row.stage), KINDS[row.stage] ?? "") },
      { title: "When", cell: (row) => stamp(row.accepted_at) },
      { title: "Why", kind: "wide", hide: "phone", cell: (row) => row.reason || "–" },
    ],
  });
  const look = async () => list.show((await service.get("/mail", { stage, limit: PAGE })).mails);
  const stages = chips("Which mails", STAGES, stage, (value) => {
    stage = value;
    setQuery({ stage });
    attempt(look);
  });
  append(el, head("Mail", { says: "What the app has sent, newest first." }), card("Mails", { flush: true, actions: [stages] }, list.el));
  await lookOften(live, LOOK_S, look, signal);
}

function openMail(service, mail, look) {
  const at = `/mail/${path(mail.id)}`;
  const again = mail.stage === "dead" && button("Send again", { kind: "primary", on: () => attempt(async () => {
    await service.post(`${at}/retry`);
    await look();
  }, "It is tried again.") });
  dialog(mail.subject || "Mail", (body, close) => append(body,
    kv([["To", mail.recipients.join(", ")], ["From", mail.from], ["State", `${stageName(mail.stage)}${mail.reason ? `: ${mail.reason}` : ""}`], ["Accepted", time(mail.accepted_at, { exact: true })],
      ["Tried", mail.attempt ? `${mail.attempt} times` : ""], ["Size", bytes(mail.size)], ["Attachments", mail.attachments.map((one) => `${one.name} (${bytes(one.size)})`).join(", ")]]),
    mail.text ? [h("h3", {}, "Text"), text(mail.text, "Text")] : null,
    mail.html ? [h("h3", {}, "HTML, as its source"), text(mail.html, "HTML source")] : null,
    h("div", { class: "form-end" },
      button("Delete…", { kind: "danger", icon: "trash", on: () => {
        close();
        remove(service, mail, at, look);
      } }),
      button("Download", { icon: "download", on: () => attempt(async () => save(await service.raw("GET", `${at}/raw`), "mail.eml")) }),
      again)), { wide: true });
}

function text(said, label) {
  return h("pre", { class: "plain-text", tabindex: "0", role: "group", "aria-label": label }, said);
}

function remove(service, mail, at, look) {
  const waits = mail.stage === "waiting" ? " It has not been sent, and will not be." : "";
  return sure("Delete this mail?", `“${mail.subject}” to ${mail.recipients.join(", ")} is forgotten.${waits}`, async () => {
    await service.delete(at);
    await look();
  });
}

function stageName(stage) {
  return stage === "dead" ? "given up" : stage;
}
