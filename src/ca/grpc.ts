// Istio's signing call on Heddle's gRPC server: bytes to messages, the call's proofs to credentials, replies to statuses.
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Method, type ServerCall, unary } from "../grpc/server.ts";
import type { GrpcStatus } from "../grpc/status.ts";
import {
  type IstioCertificateRequest,
  IstioCertificateRequestSchema,
  IstioCertificateResponseSchema,
} from "../pki/gen/istio/v1/auth/ca_pb.ts";
import type { Presented } from "./credentials.ts";
import type { CertificateService } from "./service.ts";

/** The path that Istio's agents and ztunnel call. */
export const CREATE_CERTIFICATE = "/istio.v1.auth.IstioCertificateService/CreateCertificate";

/** The methods to serve, by path. `call.peer.certificate` must be one whose chain the connection has proven. */
export function certificateMethods(service: CertificateService): Readonly<Record<string, Method>> {
  return { [CREATE_CERTIFICATE]: unary((bytes, call) => createCertificate(service, bytes, call)) };
}

async function createCertificate(
  service: CertificateService,
  bytes: Uint8Array,
  call: ServerCall,
): Promise<{ readonly message: Uint8Array } | GrpcStatus> {
  const request = decode(bytes);
  if (request === undefined) return { code: "INVALID_ARGUMENT", message: "request is no IstioCertificateRequest" };
  const reply = await service.createCertificate(request, presentedIn(call));
  return reply.kind === "signed"
    ? { message: toBinary(IstioCertificateResponseSchema, reply.response) }
    : { code: reply.status, message: reply.message };
}

/** Metadata is a flat list of names and values. */
function presentedIn({ metadata, peer }: ServerCall): Presented {
  return {
    authorization: metadata.find((_, index) => index % 2 === 1 && metadata[index - 1] === "authorization"),
    certificates: peer.certificate ? [peer.certificate] : [],
  };
}

/** Undefined for bytes that are no such message: protobuf-es throws on them. */
function decode(bytes: Uint8Array): IstioCertificateRequest | undefined {
  try {
    return fromBinary(IstioCertificateRequestSchema, bytes);
  } catch {
    return undefined;
  }
}
