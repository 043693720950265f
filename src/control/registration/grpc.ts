// Registration on Heddle's gRPC server: who calls, by the certificate of its connection, and bytes to messages. Strangers are turned
// away before a byte of theirs is read.

import { networkInterfaces } from "node:os";
import { type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { isLoopback } from "../../base/cidr.ts";
import { type CallPeer, type Method, type ServerCall, unary } from "../../grpc/server.ts";
import type { GrpcStatus } from "../../grpc/status.ts";
import { StatusFailure } from "../../kube/status.ts";
import { parseCertificate } from "../../pki/certificate.ts";
import { parseSpiffeId, serviceAccountOf } from "../../pki/spiffe.ts";
import {
  DeregisterRequestSchema,
  RegisterRequestSchema,
  RegisterResponseSchema,
} from "../../xds/gen/heddle/registration/v1/registration_pb.ts";
import { DEREGISTER_PATH, REGISTER_PATH } from "../../xds/registration.ts";
import type { Caller, Registrar } from "./registrar.ts";

/** A registration has half a KiB, with 64 upstreams 6. */
const MAX_BYTES = 32 * 1024;

type Answer = Promise<{ readonly message: Uint8Array } | GrpcStatus>;

/** The methods to serve, by path. `call.peer.certificate` must be one whose chain the connection has proven. */
export function registrationMethods(registrar: Registrar, trustDomain: string): Readonly<Record<string, Method>> {
  const register = async (bytes: Uint8Array, caller: Caller): Answer => {
    const request = decode(RegisterRequestSchema, bytes);
    if (!request) return UNREADABLE;
    const reply = await registrar.register(request, caller);
    return reply.kind === "refused" ? reply.status : { message: toBinary(RegisterResponseSchema, reply.response) };
  };
  const deregister = async (bytes: Uint8Array, caller: Caller): Answer => {
    const request = decode(DeregisterRequestSchema, bytes);
    if (!request) return UNREADABLE;
    return (await registrar.deregister(request, caller))?.status ?? { message: NOTHING };
  };
  const known = (handle: (bytes: Uint8Array, caller: Caller) => Answer): Method =>
    unary(async (bytes, call) => {
      const caller = callerOf(call, trustDomain, Date.now());
      if ("code" in caller) return caller;
      if (bytes.length > MAX_BYTES)
        return { code: "RESOURCE_EXHAUSTED", message: `a registration has at most ${MAX_BYTES} bytes` };
      return handle(bytes, caller).catch(refusedByStore);
    });
  return { [REGISTER_PATH]: known(register), [DEREGISTER_PATH]: known(deregister) };
}

/** A DeregisterResponse has no fields. */
const NOTHING = new Uint8Array();
const UNREADABLE: GrpcStatus = { code: "INVALID_ARGUMENT", message: "bytes are not the message of this call" };

function decode<Desc extends DescMessage>(schema: Desc, bytes: Uint8Array): MessageShape<Desc> | undefined {
  try {
    return fromBinary(schema, bytes);
  } catch {
    return undefined;
  }
}

/** A connection outlives the certificate that it began with: it proves nothing any more then. */
function callerOf({ peer }: ServerCall, trustDomain: string, nowMs: number): Caller | GrpcStatus {
  const certificate = peer.certificate && parseCertificate(peer.certificate);
  if (peer.principal === "" || certificate?.kind !== "parsed")
    return { code: "UNAUTHENTICATED", message: "the connection proved no identity" };
  if (certificate.value.notAfterMs <= nowMs)
    return { code: "UNAUTHENTICATED", message: "the certificate of this connection has expired: connect again" };
  const id = parseSpiffeId(peer.principal);
  const account = id.kind === "parsed" && id.value.trustDomain === trustDomain ? serviceAccountOf(id.value) : undefined;
  if (!account)
    return { code: "PERMISSION_DENIED", message: `${peer.principal} is no service account of ${trustDomain}` };
  return { account, local: isOfThisMachine(peer) };
}

function isOfThisMachine({ address }: CallPeer): boolean {
  const host = address.slice(0, Math.max(0, address.lastIndexOf(":")));
  if (isLoopback(host)) return true;
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some((own) => own.address === host));
}

/** The API may find fault with what passed the checks here, such as a name that is too long for what it becomes a part of. */
function refusedByStore(thrown: unknown): GrpcStatus {
  if (!(thrown instanceof StatusFailure)) throw thrown;
  const isInvalid = thrown.reason === "Invalid" || thrown.reason === "BadRequest";
  return { code: isInvalid ? "INVALID_ARGUMENT" : "UNAVAILABLE", message: thrown.message };
}
