// Finds the handler that the function's settings name: "app.handler", "src/app.nested.handler".

import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { fault } from "./faults.mjs";

export async function loadHandler(root, name) {
  if (!name || name.includes("..")) {
    throw fault("MalformedHandlerName", `'${name}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`);
  }
  const file = path.basename(name);
  const folder = path.resolve(root, name.slice(0, name.length - file.length));
  const [, module, chain] = /^([^.]*)\.(.+)$/.exec(file) ?? [];
  if (!module) throw fault("MalformedHandlerName", "Bad handler");
  const exported = await load(root, folder, module);
  const found = follow(exported, chain) ?? follow(exported?.default, chain);
  if (found === undefined) throw fault("HandlerNotFound", `${name} is undefined or not exported`);
  if (typeof found !== "function") throw fault("HandlerNotFound", `${name} is not a function`);
  return found;
}

function follow(exported, chain) {
  return chain.split(".").reduce((at, part) => at?.[part], exported);
}

async function load(root, folder, module) {
  const place = path.resolve(folder, module);
  const require = createRequire(path.join(folder, "any.js"));
  try {
    if (isFile(place)) return require(place);
    if (isFile(`${place}.js`)) return await eitherWay(require, `${place}.js`);
    if (isFile(`${place}.mjs`)) return await import(pathToFileURL(`${place}.mjs`).href);
    if (isFile(`${place}.cjs`)) return require(`${place}.cjs`);
    return require(require.resolve(isFolder(place) ? place : module, { paths: [root, folder] }));
  } catch (error) {
    throw translated(error);
  }
}

async function eitherWay(require, file) {
  return isModule(path.dirname(file)) ? import(pathToFileURL(file).href) : require(file);
}

// Whether the nearest package.json says that .js means ES modules.
function isModule(folder) {
  for (let at = folder; ; at = path.dirname(at)) {
    const file = path.join(at, "package.json");
    if (isFile(file)) return JSON.parse(fs.readFileSync(file, "utf8")).type === "module";
    if (at === path.dirname(at) || path.basename(at) === "node_modules") return false;
  }
}

function translated(error) {
  if (error instanceof SyntaxError) return keptStack("UserCodeSyntaxError", error);
  if (error?.code === "MODULE_NOT_FOUND" || error?.code === "ERR_MODULE_NOT_FOUND") return keptStack("ImportModuleError", error);
  return error;
}

function keptStack(kind, error) {
  const made = fault(kind, `${error.name === "Error" ? "Error" : error.name}: ${error.message}`);
  made.stack = `${made.name}: ${error.stack}`;
  return made;
}

function isFile(place) {
  return fs.statSync(place, { throwIfNoEntry: false })?.isFile() ?? false;
}

function isFolder(place) {
  return fs.statSync(place, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
