// A gRPC service on grpc-js, without a proto: messages are bytes, mostly JSON.

import { createHash } from "node:crypto";
import {
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type StatusObject,
} from "@grpc/grpc-js";
import { content, sha256 } from "./content.ts";

const bytes = (message: Buffer): Buffer => message;

function method(name: string, requestStream: boolean, responseStream: boolean) {
  const codec = {
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  };
  return { path: `/traffic.Polyglot/${name}`, requestStream, responseStream, ...codec };
}

export const POLYGLOT = {
  Describe: method("Describe", false, false),
  Fail: method("Fail", false, false),
  Flaky: method("Flaky", false, false),
  Hash: method("Hash", false, false),
  Bytes: method("Bytes", false, false),
  Hang: method("Hang", false, false),
  Cancelled: method("Cancelled", false, false),
  Count: method("Count", false, true),
  Join: method("Join", true, false),
  Chat: method("Chat", true, true),
} satisfies ServiceDefinition;

/** What a method saw of its call. */
export interface SeenCall {
  readonly metadata: Readonly<Record<string, string>>;
  readonly host: string;
  readonly hasDeadline: boolean;
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const read = <T>(message: Buffer): T => JSON.parse(message.toString()) as T;

function trailers(): Metadata {
  const metadata = new Metadata();
  metadata.set("x-trailing", "last");
  metadata.set("x-trailing-bin", Buffer.from([0, 1, 254, 255]));
  return metadata;
}

const failure = (code: number, details: string): Partial<StatusObject> => ({ code, details, metadata: trailers() });

const describe: handleUnaryCall<Buffer, Buffer> = (call, callback) => {
  const initial = new Metadata();
  initial.set("x-initial", "first");
  call.sendMetadata(initial);
  const seen: SeenCall = {
    metadata: Object.fromEntries(
      Object.entries(call.metadata.getMap()).map(([name, value]) => [
        name,
        typeof value === "string" ? value : value.toString("hex"),
      ]),
    ),
    host: call.getHost(),
    hasDeadline: call.getDeadline() !== Number.POSITIVE_INFINITY,
  };
  callback(null, json(seen), trailers());
};

const fail: handleUnaryCall<Buffer, Buffer> = (call, callback) => {
  const { code, details } = read<{ code: number; details: string }>(call.request);
  callback(failure(code, details));
};

const failed = new Map<string, number>();

/** UNAVAILABLE so many times for each key, then how often it was called. */
const flaky: handleUnaryCall<Buffer, Buffer> = (call, callback) => {
  const { key, times } = read<{ key: string; times: number }>(call.request);
  const calls = (failed.get(key) ?? 0) + 1;
  failed.set(key, calls);
  if (calls <= times) callback(failure(14, "not yet"));
  else callback(null, json({ calls }));
};

const hash: handleUnaryCall<Buffer, Buffer> = (call, callback) => callback(null, Buffer.from(sha256(call.request)));

const sendBytes: handleUnaryCall<Buffer, Buffer> = (call, callback) =>
  callback(null, content(Number(call.request.toString())));

let cancelled = 0;

/** Never answers; hears when it is given up. */
const hang: handleUnaryCall<Buffer, Buffer> = (call) => {
  call.on("cancelled", () => {
    cancelled++;
  });
};

const countCancelled: handleUnaryCall<Buffer, Buffer> = (_call, callback) => callback(null, json(cancelled));

/** So many messages; then OK, or the status that is asked for. */
const count: handleServerStreamingCall<Buffer, Buffer> = (call) => {
  const { messages, code } = read<{ messages: number; code?: number }>(call.request);
  for (let i = 0; i < messages; i++) call.write(Buffer.from(`${i}`));
  if (code === undefined) call.end(trailers());
  else call.emit("error", failure(code, "after the messages"));
};

const join: handleClientStreamingCall<Buffer, Buffer> = (call, callback) => {
  const sum = createHash("sha256");
  let messages = 0;
  call.on("data", (message: Buffer) => {
    messages++;
    sum.update(message);
  });
  call.on("end", () => callback(null, json({ messages, sha256: sum.digest("hex") }), trailers()));
};

/** Answers each message when it comes, and ends with the client. */
const chat: handleBidiStreamingCall<Buffer, Buffer> = (call) => {
  call.on("data", (message: Buffer) => call.write(Buffer.concat([Buffer.from("re: "), message])));
  call.on("end", () => call.end(trailers()));
};

export function listenGrpc(port: number): void {
  const server = new Server({ "grpc.max_receive_message_length": -1 });
  server.addService(POLYGLOT, {
    Describe: describe,
    Fail: fail,
    Flaky: flaky,
    Hash: hash,
    Bytes: sendBytes,
    Hang: hang,
    Cancelled: countCancelled,
    Count: count,
    Join: join,
    Chat: chat,
  });
  server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error) => {
    if (error) throw error;
  });
}
