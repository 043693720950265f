// A check by gRPC: grpc.health.v1.Health/Check (Envoy: GrpcHealthCheckerImpl).

import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { ClientCall } from "../../../grpc/client.ts";
import type { HeaderList } from "../../../http/headers.ts";
import type { ClientConnection } from "../../../http/stream.ts";
import type { GrpcProbe, HealthCheck } from "../../../table/health-check.ts";
import { CheckConnection } from "./check-connection.ts";
import { addHeaders } from "./http-prober.ts";
import type { CheckTarget, Prober } from "./prober.ts";
import { FAILED, type Outcome, PASSED, UNREACHABLE } from "./transition.ts";

const METHOD = "/grpc.health.v1.Health/Check";
/** HealthCheckRequest.service, HealthCheckResponse.status: the first field of either; and ServingStatus.SERVING. */
const FIELD = 1;
const SERVING = 1;
/** A status is two bytes. */
const MAX_MESSAGE_BYTES = 1_024;

function requestOf(service: string): Uint8Array {
  const writer = new BinaryWriter();
  if (service !== "") writer.tag(FIELD, WireType.LengthDelimited).string(service);
  return writer.finish();
}

/** Undefined when the bytes are no HealthCheckResponse. */
function statusIn(message: Uint8Array): number | undefined {
  try {
    const reader = new BinaryReader(message);
    let status = 0;
    while (reader.pos < reader.len) {
      const [field, type] = reader.tag();
      if (field === FIELD && type === WireType.Varint) status = reader.int32();
      else reader.skip(type, field);
    }
    return status;
  } catch {
    return undefined;
  }
}

export class GrpcProber implements Prober {
  readonly #target: CheckTarget;
  readonly #check: HealthCheck;
  readonly #probe: GrpcProbe;
  readonly #request: Uint8Array;
  readonly #connection: CheckConnection;
  #running: object | undefined;

  constructor(target: CheckTarget, check: HealthCheck, probe: GrpcProbe) {
    this.#target = target;
    this.#check = check;
    this.#probe = probe;
    this.#request = requestOf(probe.service);
    this.#connection = new CheckConnection(target, "http2", check.alpn);
  }

  begin(done: (outcome: Outcome) => void): void {
    this.#connection.use(
      (connection) => this.#ask(connection, done),
      () => done(UNREACHABLE),
    );
  }

  #ask(connection: ClientConnection, done: (outcome: Outcome) => void): void {
    const running = {};
    this.#running = running;
    const metadata: HeaderList = [];
    addHeaders(metadata, this.#probe.metadata);
    let serving = false;
    const { authority, scheme } = this.#target;
    const options = {
      authority: this.#probe.authority || authority,
      scheme,
      metadata,
      maxMessageBytes: MAX_MESSAGE_BYTES,
    };
    const call = new ClientCall(connection, METHOD, options, {
      onMessage: (message) => {
        serving = statusIn(message) === SERVING;
      },
      onWritable() {},
      onStatus: ({ code }) => {
        if (this.#running !== running) return;
        this.#running = undefined;
        if (!this.#check.reusesConnection) this.#connection.release();
        done(code === "OK" && serving ? PASSED : FAILED);
      },
    });
    call.send(this.#request);
    call.end();
  }

  close(): void {
    this.#running = undefined;
    this.#connection.close();
  }
}
