// An external processor for ext_proc that does what a case tells it to, and remembers what it was told.

import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type GrpcListener, listenGrpc } from "../../../src/grpc/listen.ts";
import { type CallHandler, GrpcService, type ServerCall } from "../../../src/grpc/server.ts";
import type { HeaderMap } from "../../../src/xds/gen/envoy/config/core/v3/base_pb.ts";
import {
  type ProcessingRequest,
  ProcessingRequestSchema,
  ProcessingResponseSchema,
} from "../../../src/xds/gen/envoy/service/ext_proc/v3/external_processor_pb.ts";

export type Answer = MessageInitShape<typeof ProcessingResponseSchema>;
export type Case = NonNullable<ProcessingRequest["request"]["case"]>;

/** A message: its case, its fields or its body, and whether it is the last of its direction. */
export interface Told {
  readonly kind: Case;
  readonly fields: Readonly<Record<string, string>>;
  readonly body: string;
  readonly end: boolean;
  readonly message: ProcessingRequest;
}

/** What becomes of a message: an answer, several, silence, or the end of the call. */
export type Reaction = Answer | readonly Answer[] | "nothing" | "done" | "fail" | undefined;
export type Script = (told: Told) => Reaction | Promise<Reaction>;

const PATH = "/envoy.service.ext_proc.v3.ExternalProcessor/Process";

function fieldsOf(map: HeaderMap | undefined): Record<string, string> {
  const entries = map?.headers ?? [];
  return Object.fromEntries(
    entries.map(({ key, value, rawValue }) => [key, rawValue.length > 0 ? Buffer.from(rawValue).toString() : value]),
  );
}

function toldOf(message: ProcessingRequest): Told {
  const { request } = message;
  const empty = { fields: {}, body: "", end: true, message };
  switch (request.case) {
    case "requestHeaders":
    case "responseHeaders":
      return { ...empty, kind: request.case, fields: fieldsOf(request.value.headers), end: request.value.endOfStream };
    case "requestBody":
    case "responseBody": {
      const body = Buffer.from(request.value.body).toString("latin1");
      return { ...empty, kind: request.case, body, end: request.value.endOfStream };
    }
    case "requestTrailers":
    case "responseTrailers":
      return { ...empty, kind: request.case, fields: fieldsOf(request.value.trailers) };
    default:
      throw new Error("a message without content");
  }
}

/** Nothing changed. */
export function unchanged(kind: Case): Answer {
  switch (kind) {
    case "requestTrailers":
    case "responseTrailers":
      return { response: { case: kind, value: {} } };
    default:
      return { response: { case: kind, value: { response: {} } } } as Answer;
  }
}

export class Processor {
  readonly #listener: GrpcListener;
  /** Of all calls, in the order in which it came. */
  told: Told[] = [];
  metadata: (readonly string[])[] = [];
  ended = 0;
  script: Script = () => undefined;

  constructor() {
    const service = new GrpcService({ [PATH]: (call) => this.#open(call) });
    const peer = { principal: "", address: "127.0.0.1" };
    this.#listener = listenGrpc({ kind: "tcp", host: "127.0.0.1", port: 0 }, undefined, service, () => peer);
  }

  get port(): number {
    return this.#listener.port;
  }

  /** The kinds of the messages so far. */
  get kinds(): readonly string[] {
    return this.told.map(({ kind }) => kind);
  }

  /** Begins anew. `undefined` of the script: nothing is changed. */
  does(script: Script = () => undefined): void {
    this.told = [];
    this.metadata = [];
    this.ended = 0;
    this.script = script;
  }

  #open(call: ServerCall): CallHandler {
    this.metadata.push([...call.metadata]);
    return {
      onMessage: (bytes) => void this.#hear(call, fromBinary(ProcessingRequestSchema, bytes)),
      onEnd: () => {
        this.ended++;
        call.end();
      },
      onCancel: () => {
        this.ended++;
      },
    };
  }

  async #hear(call: ServerCall, message: ProcessingRequest): Promise<void> {
    const told = toldOf(message);
    this.told.push(told);
    const scripted = this.script(told);
    const reaction = (scripted instanceof Promise ? await scripted : scripted) ?? unchanged(told.kind);
    if (reaction === "nothing") return;
    if (reaction === "done") call.end();
    else if (reaction === "fail") call.end({ code: "INTERNAL", message: "on purpose" });
    else {
      const answers = Array.isArray(reaction) ? (reaction as readonly Answer[]) : [reaction as Answer];
      for (const answer of answers)
        call.send(toBinary(ProcessingResponseSchema, create(ProcessingResponseSchema, answer)));
    }
  }

  stop(): void {
    this.#listener.stop();
  }
}
