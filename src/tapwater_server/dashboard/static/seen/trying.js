// A form to call a function from here, with the answer beside it.

import { a, append, badge, bytes, card, code, ending, field, form, h, json, kv, ms, path, problem, replace } from "../ui.js";

/** The form for a function, and what came of the last call. */
export function tryForm({ api }, app, one) {
  const restful = one.kind === "restful";
  const route = restful ? decodeURI(new URL(one.url).pathname) : "";
  const names = [...route.matchAll(/\{([A-Za-z_]\w*)[^}]*\}/g)].map((found) => found[1]);
  const verbs = one.verbs.filter((verb) => !["HEAD", "OPTIONS"].includes(verb));
  const answer = h("div", { class: "stack", "aria-live": "polite" }, h("p", { class: "says" }, "The answer will stand here."));
  const fields = [
    restful && verbs.length > 1 ? { name: "method", label: "Method", kind: "select", choices: verbs.map((verb) => [verb, verb]) } : null,
    ...names.map((name) => ({ name: `param:${name}`, label: `{${name}}`, required: true })),
    restful ? { name: "query", label: "Query", placeholder: "limit=10&q=tap" } : null,
    restful ? { name: "headers", label: "Headers", kind: "textarea", rows: 2, placeholder: "x-name: value" } : null,
    verbs.length === 1 && verbs[0] === "GET" ? null : { name: "data", label: restful ? "Body (JSON)" : "Event (JSON)", kind: "json", value: restful ? "" : "{}", rows: 7 },
    { name: "background", label: "In the background (202 and a delivery)", kind: "checkbox" },
  ].filter(Boolean);
  const made = form(fields.map(field), async (values) => {
    replace(answer, h("p", { class: "says" }, "Calling…"));
    try {
      const began = performance.now();
      const said = await api.post(`/${path("apps", app, "call", one.name)}`, bodyOf(values));
      replace(answer, shown(said, performance.now() - began));
    } catch (error) {
      replace(answer, problem(error));
    }
  }, { submit: "Call it" });
  return h("div", { class: "grid" }, card("Call", { says: restful ? route : "As the platform would on an event" }, made), card("Answer", answer));
}

function bodyOf(values) {
  const body = {};
  if (values.method) body.method = values.method;
  if (values.query) body.query = values.query;
  if (values.background) body.background = true;
  const params = Object.entries(values).filter(([name]) => name.startsWith("param:")).map(([name, value]) => [name.slice(6), value]);
  if (params.length) body.params = Object.fromEntries(params);
  const headers = (values.headers ?? "").split("\n").map((line) => line.split(/:(.*)/).map((part) => part?.trim())).filter(([name, value]) => name && value);
  if (headers.length) body.headers = Object.fromEntries(headers);
  if (values.data?.trim()) {
    try {
      body.data = JSON.parse(values.data);
    } catch (error) {
      throw Object.assign(new Error(`This is not JSON: ${error.message}`), { title: "The body cannot be read" });
    }
  }
  return body;
}

function shown(said, took) {
  if (said.id && !said.invocation) return h("p", {}, badge("accepted", "ok"), " It runs in the background: ", h("code", {}, said.id));
  const usage = said.usage ?? {};
  const type = (said.headers ?? []).find(([name]) => name === "content-type")?.[1] ?? "";
  return append(h("div", { class: "stack" }),
    h("p", { class: "row" }, ending(said.ending), said.status ? badge(String(said.status), said.status < 400 ? "ok" : "bad") : null, h("span", { class: "says" }, `${ms(took)} from here`)),
    said.message ? h("p", { class: "bad-text" }, said.message) : null,
    said.body !== null && said.body !== undefined && said.body !== "" ? answerBody(said.body, type) : null,
    said.body_base64 ? h("p", { class: "says" }, "The answer is not text: ", bytes(Math.floor((said.body_base64.length * 3) / 4))) : null,
    kv([
      ["Invocation", a(path("invocations", said.invocation), said.invocation)],
      ["Ran", usage.wall_s !== undefined ? ms(usage.wall_s * 1000) : null],
      ["Processor", usage.cpu_s !== undefined ? ms(usage.cpu_s * 1000) : null],
      ["Memory peak", usage.memory_peak_bytes ? bytes(usage.memory_peak_bytes) : null],
      ["Cold start", usage.cold === undefined ? null : usage.cold ? "yes" : "no"],
      ["Headers", (said.headers ?? []).length ? h("code", {}, said.headers.map(([name, value]) => `${name}: ${value}`).join("\n")) : null],
    ]));
}

function answerBody(text, type) {
  if (!type.includes("json")) return code(text, { label: "Body" });
  try {
    return json(JSON.parse(text), { label: "Body" });
  } catch {
    return code(text, { label: "Body" }); // It says JSON and is none.
  }
}
