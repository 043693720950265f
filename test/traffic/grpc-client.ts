// A gRPC client on grpc-js. A unary call is one promise; the other kinds are a stream of messages each way, and the outcome at their end.

import { Client, type ClientDuplexStream, credentials, Metadata, type StatusObject } from "@grpc/grpc-js";
import { POLYGLOT } from "./polyglot/grpc.ts";

type Method = keyof typeof POLYGLOT;

const bytes = (message: Buffer): Buffer => message;
const asBuffer = (message: string | Buffer): Buffer => Buffer.from(message as string);

/** What came of a call. */
export interface Outcome {
  readonly code: number;
  readonly details: string;
  readonly messages: readonly Buffer[];
  readonly initial: Metadata | undefined;
  readonly trailing: Metadata;
}

export interface CallSettings {
  readonly metadata?: Readonly<Record<string, string | Buffer>>;
  /** Told to the server as `grpc-timeout`. Undefined: no deadline. */
  readonly timeoutMs?: number;
}

function metadataOf(fields: CallSettings["metadata"] = {}): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(fields)) metadata.set(name, value);
  return metadata;
}

const optionsOf = ({ timeoutMs }: CallSettings) =>
  timeoutMs === undefined ? {} : { deadline: new Date(Date.now() + timeoutMs) };

export class Conversation {
  readonly outcome: Promise<Outcome>;
  readonly #call: ClientDuplexStream<Buffer, Buffer>;
  readonly #messages: Buffer[] = [];
  readonly #waiting: ((message: Buffer) => void)[] = [];

  constructor(call: ClientDuplexStream<Buffer, Buffer>) {
    this.#call = call;
    let initial: Metadata | undefined;
    call.on("metadata", (metadata: Metadata) => {
      initial = metadata;
    });
    call.on("data", (message: Buffer) => {
      this.#messages.push(message);
      this.#waiting.shift()?.(message);
    });
    call.on("error", () => {}); // told by the status
    this.outcome = new Promise((resolve) => {
      call.on("status", ({ code, details, metadata: trailing }: StatusObject) =>
        resolve({ code, details, messages: this.#messages, initial, trailing }),
      );
    });
  }

  send(message: string | Buffer): this {
    this.#call.write(asBuffer(message));
    return this;
  }

  /** The message that comes next. Asked for before it is sent for. */
  next(): Promise<Buffer> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  end(): Promise<Outcome> {
    this.#call.end();
    return this.outcome;
  }

  cancel(): void {
    this.#call.cancel();
  }
}

export class GrpcClient {
  readonly #client: Client;

  constructor(address: string) {
    // Channels to one address share their connections in grpc-js unless told otherwise.
    this.#client = new Client(address, credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
      "grpc.max_receive_message_length": -1,
    });
  }

  unary(method: Method, message: string | Buffer, settings: CallSettings = {}): Promise<Outcome> {
    return new Promise((resolve) => {
      const messages: Buffer[] = [];
      let initial: Metadata | undefined;
      const { path } = POLYGLOT[method];
      const call = this.#client.makeUnaryRequest<Buffer, Buffer>(
        path,
        bytes,
        bytes,
        asBuffer(message),
        metadataOf(settings.metadata),
        optionsOf(settings),
        (_error, answer) => {
          if (answer) messages.push(answer);
        },
      );
      call.on("metadata", (metadata: Metadata) => {
        initial = metadata;
      });
      // The status is told behind the callback.
      call.on("status", ({ code, details, metadata: trailing }: StatusObject) =>
        resolve({ code, details, messages, initial, trailing }),
      );
    });
  }

  stream(method: Method, settings: CallSettings = {}): Conversation {
    const metadata = metadataOf(settings.metadata);
    const { path } = POLYGLOT[method];
    return new Conversation(
      this.#client.makeBidiStreamRequest<Buffer, Buffer>(path, bytes, bytes, metadata, optionsOf(settings)),
    );
  }

  close(): void {
    this.#client.close();
  }
}
