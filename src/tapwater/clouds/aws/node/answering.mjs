// Handlers of custom resources answer CloudFormation by HTTPS at port 443, whatever the address
// says. Ours is plain, at the door that leads to the platform: there these requests go.

import http from "node:http";
import https from "node:https";
import { syncBuiltinESMExports } from "node:module";

const PLACE = "/_/aws/cloudformation-response/";

export function leadAnswers(endpoint) {
  if (!endpoint) return;
  const door = new URL(endpoint);
  const original = https.request;
  https.request = function request(...given) {
    const led = isAnswer(given, door) ? plain(given, door) : null;
    return led ? http.request(...led) : original.apply(https, given);
  };
  syncBuiltinESMExports();
}

function isAnswer([first, second], door) {
  const place = typeof first === "string" && URL.canParse(first) ? new URL(first) : first;
  const options = typeof second === "object" ? second : {};
  const host = options.hostname ?? options.host ?? place?.hostname ?? place?.host;
  const path = options.path ?? place?.path ?? place?.pathname;
  return host === door.hostname && typeof path === "string" && path.startsWith(PLACE);
}

function plain([first, second, third], door) {
  const place = typeof first === "string" ? new URL(first) : first;
  const options = typeof second === "object" ? second : {};
  const callback = typeof second === "function" ? second : third;
  const path = options.path ?? place.path ?? place.pathname;
  const said = place instanceof URL ? options : { ...place, ...options };
  const led = { ...said, protocol: "http:", host: door.hostname, hostname: door.hostname, port: door.port, path, agent: undefined };
  return [led, callback].filter((one) => one !== undefined);
}
