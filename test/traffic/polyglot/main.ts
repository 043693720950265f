// The application of the protocol cases: one port for each way to speak, on Node's own servers, so that neither end of a case is ours.
//
//   node main.js http=8080 http2=8081 grpc=8082 tcp=8083 greeter=8084 any=8085

import { listenBytes, listenGreeter } from "./bytes.ts";
import { listenGrpc } from "./grpc.ts";
import { listenAny, listenHttp1, listenHttp2 } from "./requests.ts";

const LISTEN: Readonly<Record<string, (port: number) => void>> = {
  http: listenHttp1,
  http2: listenHttp2,
  grpc: listenGrpc,
  tcp: listenBytes,
  greeter: listenGreeter,
  any: listenAny,
};

for (const argument of process.argv.slice(2)) {
  const [protocol = "", port = ""] = argument.split("=");
  LISTEN[protocol]!(Number(port));
}
