// The application of `grpc`, a process: `grpc-backend.ts PORT READY_PORT PATH`. A unary method that gives back what it gets.

import { listenGrpc } from "../src/grpc/listen.ts";
import { GrpcService, unary } from "../src/grpc/server.ts";

const [port = 0, ready = 0] = process.argv.slice(2, 4).map(Number);
const [path = ""] = process.argv.slice(4);
const service = new GrpcService({ [path]: unary(async (message) => ({ message })) });
listenGrpc({ kind: "tcp", host: "127.0.0.1", port }, undefined, service, () => ({ principal: "", address: "" }));
Bun.serve({ hostname: "127.0.0.1", port: ready, fetch: () => new Response("LIVE\n") });
