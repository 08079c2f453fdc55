// What a function writes to its log, with the call it belongs to.

import util from "node:util";
import { told } from "./faults.mjs";

const LEVELS = { TRACE: 0, DEBUG: 1, INFO: 2, WARN: 3, ERROR: 4, FATAL: 5 };
const METHODS = { trace: "TRACE", debug: "DEBUG", log: "INFO", info: "INFO", warn: "WARN", error: "ERROR", fatal: "FATAL" };

let request = "";
let tenant;
let asJson = false;
let least = 0;

export function setRequest(id, ofTenant) {
  request = id;
  tenant = ofTenant;
}

export function patchConsole(environment) {
  asJson = (environment.AWS_LAMBDA_LOG_FORMAT ?? "").toUpperCase() === "JSON";
  least = LEVELS[(environment.AWS_LAMBDA_LOG_LEVEL ?? "").toUpperCase()] ?? 0;
  for (const [method, level] of Object.entries(METHODS)) {
    console[method] = (...words) => say(level, words);
  }
}

export function sayError(title, error) {
  if (asJson) say("ERROR", [error]);
  else say("ERROR", [`${title} \t${JSON.stringify(withStack(error))}`]);
}

function say(level, words) {
  if (LEVELS[level] < least) return;
  const line = asJson ? inJson(level, words) : inText(level, words);
  process.stdout.write(`${line}\n`);
}

function inText(level, words) {
  const text = util.format(...words).replaceAll("\n", "\r"); // One entry, however many lines it has.
  return `${new Date().toISOString()}\t${request || "undefined"}\t${level}\t${text}`;
}

function inJson(level, words) {
  const said = { timestamp: new Date().toISOString(), level, requestId: request || undefined, tenantId: tenant };
  if (words.length === 1) Object.assign(said, ofOne(words[0]));
  else {
    said.message = util.format(...words);
    const error = words.find((word) => word instanceof Error);
    if (error) Object.assign(said, parts(error));
  }
  try {
    return JSON.stringify(said);
  } catch {
    return JSON.stringify({ ...said, message: util.format(...words) });
  }
}

function ofOne(word) {
  if (word instanceof Error) return { message: { errorType: word.name, errorMessage: word.message, ...parts(word) } };
  return { message: word !== null && typeof word === "object" ? word : util.format(word) };
}

function parts(error) {
  return { errorType: error.name, errorMessage: error.message, stackTrace: told(error).trace };
}

function withStack(error) {
  const { errorType, errorMessage, trace } = told(error);
  const more = error instanceof Error ? Object.fromEntries(Object.entries(error).filter(([name]) => name !== "stack")) : {};
  return { errorType, errorMessage, ...more, stack: trace };
}
