// Who is asked whether a request or a connection goes on: Envoy's external authorization over HTTP and over gRPC. It lets in who shows a pass.

import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { type GrpcListener, listenGrpc } from "../../src/grpc/listen.ts";
import { GrpcService, unary } from "../../src/grpc/server.ts";

const CHECK = "/envoy.service.auth.v3.Authorization/Check";
/** In front of the paths that are asked about over HTTP. */
export const PATH_PREFIX = "/check";
export const PASS = "x-pass";
const VALID = "valid";

/** Of CheckResponse, of its answers to HTTP, and of google.rpc.Status. */
const STATUS = 1;
const DENIED = 2;
const ADMITTED = 3;
const HEADERS = 2;
const PERMISSION_DENIED = 7;
const UNAUTHORIZED = 401;

function putHeader(writer: BinaryWriter, name: string, value: string): void {
  writer.tag(HEADERS, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.LengthDelimited).string(name);
  writer.tag(2, WireType.LengthDelimited).string(value);
  writer.join().join();
}

function admission(): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(STATUS, WireType.LengthDelimited).fork().join();
  writer.tag(ADMITTED, WireType.LengthDelimited).fork();
  putHeader(writer, "x-judged", "grpc");
  return writer.join().finish();
}

function refusal(): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(STATUS, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.Varint).int32(PERMISSION_DENIED);
  writer.join();
  writer.tag(DENIED, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.Varint).int32(UNAUTHORIZED);
  writer.join();
  putHeader(writer, "x-why", "no pass");
  return writer.join().finish();
}

/** The bytes of a message's fields of that number. */
function fields(message: Uint8Array, number: number): readonly Uint8Array[] {
  const reader = new BinaryReader(message);
  const found: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === number && type === WireType.LengthDelimited) found.push(reader.bytes());
    else reader.skip(type, field);
  }
  return found;
}

const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString();

/** CheckRequest.attributes.request.http; undefined of a connection. */
function requestOf(check: Uint8Array): Uint8Array | undefined {
  const inside = (message: Uint8Array | undefined, number: number) => message && fields(message, number)[0];
  return inside(inside(inside(check, 1), 4), 2);
}

function showsPass(http: Uint8Array): boolean {
  return fields(http, 3).some((header) => text(fields(header, 1)[0]) === PASS && text(fields(header, 2)[0]) === VALID);
}

export class Authorizer {
  readonly #http: Bun.Server<undefined>;
  readonly #grpc: GrpcListener;
  /** Paths that it was asked about, without the prefix; "" of connections. */
  asked: string[] = [];
  /** Connections have nothing to show. */
  admitsConnections = true;

  constructor() {
    this.#http = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: (request) => this.#answer(request) });
    const service = new GrpcService({ [CHECK]: unary(async (check) => ({ message: this.#check(check) })) });
    const peer = { principal: "", address: "127.0.0.1" };
    this.#grpc = listenGrpc({ kind: "tcp", host: "127.0.0.1", port: 0 }, undefined, service, () => peer);
  }

  get httpPort(): number {
    return this.#http.port!;
  }

  get grpcPort(): number {
    return this.#grpc.port;
  }

  #answer(request: Request): Response {
    const { pathname } = new URL(request.url);
    this.asked.push(pathname.slice(PATH_PREFIX.length));
    return request.headers.get(PASS) === VALID
      ? new Response(null, { headers: { "x-judged": "http" } })
      : new Response(null, { status: UNAUTHORIZED, headers: { "x-why": "no pass" } });
  }

  #check(check: Uint8Array): Uint8Array {
    const http = requestOf(check);
    this.asked.push(text(http && fields(http, 4)[0]));
    return (http ? showsPass(http) : this.admitsConnections) ? admission() : refusal();
  }

  stop(): void {
    void this.#http.stop(true);
    this.#grpc.stop();
  }
}
