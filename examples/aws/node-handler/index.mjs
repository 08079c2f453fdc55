// Counts words; what it keeps between calls shows that the instance is kept.
import { createHash } from "node:crypto";

let calls = 0;

export const handler = async (event, context) => {
  calls += 1;
  if (typeof event.text !== "string") {
    throw new TypeError("text is missing");
  }
  const words = event.text.split(/\s+/).filter(Boolean);
  return {
    words: words.length,
    longest: words.reduce((a, b) => (b.length > a.length ? b : a), ""),
    digest: createHash("sha256").update(event.text).digest("hex"),
    calls,
    requestId: context.awsRequestId,
  };
};
