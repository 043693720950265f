// Node's own HTTP/1.1 parser as a reference: reads a JSON list of requests in base64 from its input and writes, for each, the requests that
// llhttp made of it, and the code of the error that ended it.

import { Buffer } from "node:buffer";

process.removeAllListeners("warning");
const { HTTPParser, methods } = process.binding("http_parser");

function parse(wire) {
  const requests = [];
  const parser = new HTTPParser();
  parser.initialize(HTTPParser.REQUEST, {});
  let current;
  parser[HTTPParser.kOnHeadersComplete | 0] = (_major, _minor, fields, method, url, _status, _text, upgrade) => {
    current = { method: methods[method], url, fields: fields ?? [], body: "", upgrade };
    return 0;
  };
  parser[HTTPParser.kOnBody | 0] = (chunk) => {
    current.body += Buffer.from(chunk).toString("latin1");
  };
  parser[HTTPParser.kOnMessageComplete | 0] = () => {
    requests.push(current);
  };
  const result = parser.execute(wire);
  return { requests, error: result instanceof Error ? result.code : null };
}

let input = "";
for await (const chunk of process.stdin) input += chunk;
const answers = JSON.parse(input).map((wire) => parse(Buffer.from(wire, "base64")));
process.stdout.write(JSON.stringify({ methods, answers }));
