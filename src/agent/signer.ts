// The signing call over the network: Istio's IstioCertificateService at the control plane. The first call shows the join token, those
// after it the certificate that is being renewed.

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Failure } from "../base/failure.ts";
import type { Secret } from "../base/secret.ts";
import { unaryCall } from "../grpc/client.ts";
import type { GrpcStatus } from "../grpc/status.ts";
import type { ClientConnection } from "../http/stream.ts";
import { IstioCertificateRequestSchema, IstioCertificateResponseSchema } from "../pki/gen/istio/v1/auth/ca_pb.ts";
import type { CertificateSigner, SignedCertificate } from "../pki/request.ts";
import { connectControlPlane } from "./control-plane.ts";
import type { HeldIdentity } from "./identity.ts";
import type { ControlPlane } from "./sidecar.ts";

const PATH = "/istio.v1.auth.IstioCertificateService/CreateCertificate";
const TIMEOUT_MS = 10_000;

function refusal({ code, message }: GrpcStatus, where: string): Failure {
  const hints: Partial<Record<GrpcStatus["code"], string>> = {
    UNAUTHENTICATED: "the join token is not valid any more: make a new one with `heddle token`",
    PERMISSION_DENIED: "the token is for another namespace or service account",
    UNAVAILABLE: "is the control plane running? `heddle up` starts it",
  };
  const hint = hints[code];
  return new Failure(`the authority at ${where} refused to sign: ${message}`, hint ? { hint } : {});
}

export class RemoteSigner implements CertificateSigner {
  readonly #controlPlane: ControlPlane;
  readonly #token: Secret;
  readonly #current: () => HeldIdentity | undefined;

  constructor(controlPlane: ControlPlane, token: Secret, current: () => HeldIdentity | undefined) {
    this.#controlPlane = controlPlane;
    this.#token = token;
    this.#current = current;
  }

  async sign(csr: string, ttlMs: number): Promise<SignedCertificate> {
    const where = `${this.#controlPlane.host}:${this.#controlPlane.port}`;
    const held = this.#current();
    // An expired certificate proves nothing any more: then the token is asked again, and says why it is not taken.
    const proof = held && held.notAfterMs > Date.now() ? held : undefined;
    let connection: ClientConnection;
    try {
      connection = await connectControlPlane(this.#controlPlane, proof, () => {});
    } catch (thrown) {
      throw new Failure(
        `cannot reach the control plane at ${where}: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
        { cause: thrown, hint: "is it running? `heddle up` starts it" },
      );
    }
    try {
      const request = create(IstioCertificateRequestSchema, {
        csr,
        validityDuration: BigInt(Math.ceil(ttlMs / 1_000)),
      });
      const metadata = proof ? [] : ["authorization", `Bearer ${this.#token.reveal()}`];
      const answer = await unaryCall(connection, PATH, toBinary(IstioCertificateRequestSchema, request), {
        authority: "heddle.heddle-system.svc",
        metadata,
        timeoutMs: TIMEOUT_MS,
      });
      if (answer.kind === "status") throw refusal(answer.status, where);
      const { certChain } = fromBinary(IstioCertificateResponseSchema, answer.message);
      if (certChain.length < 2)
        throw new Failure(
          `the authority at ${where} sent ${certChain.length} certificates, expected a leaf and a root`,
        );
      return { chain: certChain.slice(0, -1), roots: certChain[certChain.length - 1]! };
    } finally {
      connection.shutdown();
    }
  }
}
