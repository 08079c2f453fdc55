// Tells a story word by word: the first is there before the last is known.
const words = ["once", "upon", "a", "time"];

export const handler = awslambda.streamifyResponse(async (event, stream) => {
  const http = awslambda.HttpResponseStream.from(stream, {
    statusCode: 200,
    headers: { "content-type": "text/plain", "x-words": String(words.length) },
  });
  const pause = Number(event.queryStringParameters?.pause ?? 20);
  for (const word of words) {
    http.write(`${word}\n`);
    await new Promise((done) => setTimeout(done, pause));
  }
  http.end();
});
