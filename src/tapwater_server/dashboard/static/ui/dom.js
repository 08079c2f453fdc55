// Elements from names, attributes and children. Text is always text: nothing here parses HTML.

const SVG = "http://www.w3.org/2000/svg";

/** Make an element. Attributes: `class`, `data`, `on` ({click: f}), booleans, everything else as it is.
 * Children: nodes, strings, numbers, (nested) lists; null, undefined and false are left out. */
export function h(tag, attrs = {}, ...children) {
  return fill(document.createElement(tag), attrs, children);
}

/** The same for SVG. */
export function s(tag, attrs = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attrs, children);
}

function fill(el, attrs, children) {
  if (attrs instanceof Node || typeof attrs !== "object" || Array.isArray(attrs)) {
    children = [attrs, ...children];
    attrs = {};
  }
  for (const [name, value] of Object.entries(attrs ?? {})) set(el, name, value);
  append(el, children);
  return el;
}

function set(el, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name === "on") {
    for (const [event, listener] of Object.entries(value)) el.addEventListener(event, listener);
  } else if (name === "data") {
    for (const [key, text] of Object.entries(value)) el.dataset[key] = text;
  } else if (name === "value" && "value" in el) {
    el.value = value;
  } else if (name === "style" || name.startsWith("on") || name === "innerHTML") {
    throw new TypeError(`${name} is not set like this here: classes, and on: {event: listener}`);
  } else {
    el.setAttribute(name, value === true ? "" : String(value));
  }
}

/** Add children to an element. */
export function append(el, ...children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    el.append(child instanceof Node ? child : String(child));
  }
  return el;
}

/** Take everything out of an element and put this in. */
export function replace(el, ...children) {
  el.replaceChildren();
  return append(el, ...children);
}

/** A link inside the dashboard; `to` is below /_/, such as "apps/shop". */
export function a(to, attrs, ...children) {
  const plain = attrs instanceof Node || typeof attrs !== "object" || attrs === null;
  if (plain) return h("a", { href: href(to) }, attrs, ...children);
  return h("a", { href: href(to), ...attrs }, ...children);
}

/** The address of a page of the dashboard. */
export function href(to, query) {
  const text = new URLSearchParams(
    Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null && value !== ""),
  ).toString();
  return `/_/${to.replace(/^\/+/, "")}${text ? `?${text}` : ""}`;
}

/** Write parts of a path: `path("apps", app, "functions", name)`; slashes in the last are kept. */
export function path(...parts) {
  return parts.map((part) => String(part).split("/").map(encodeURIComponent).join("/")).join("/");
}

let drawn = 0;

/** An id that no other element has. */
export function fresh(prefix) {
  drawn += 1;
  return `${prefix}-${drawn}`;
}
