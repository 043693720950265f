// The signing call as the agent makes it: what proves it, and what a person reads when it is refused.

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Failure } from "../base/failure.ts";
import { configureLog } from "../base/log.ts";
import { Secret } from "../base/secret.ts";
import { type GrpcListener, listenGrpc } from "../grpc/listen.ts";
import { GrpcService, unary } from "../grpc/server.ts";
import type { GrpcStatus } from "../grpc/status.ts";
import { getHeader } from "../http/headers.ts";
import { createTlsContext } from "../net/tls-context.ts";
import { testLeaf, testRoot } from "../pki/certificate-fixtures.ts";
import { IstioCertificateRequestSchema, IstioCertificateResponseSchema } from "../pki/gen/istio/v1/auth/ca_pb.ts";
import { peerIdentity } from "../pki/svid.ts";
import type { HeldIdentity } from "./identity.ts";
import { RemoteSigner } from "./signer.ts";

const CONTROL = "spiffe://cluster.local/ns/heddle-system/sa/heddle";
const WORKLOAD = "spiffe://cluster.local/ns/default/sa/a";
const now = Date.now();
const root = testRoot(now);
const control = testLeaf(root, CONTROL, now);
const workload = testLeaf(root, WORKLOAD, now);

let listener: GrpcListener | undefined;
/** `token <token>` or `certificate <id>`, of each call. */
const proofs: string[] = [];

function authority(answer: GrpcStatus | readonly string[]): number {
  const method = unary(async (request, { metadata, peer }) => {
    const { csr, validityDuration } = fromBinary(IstioCertificateRequestSchema, request);
    const proven = peer.certificate && peerIdentity(peer.certificate);
    proofs.push(
      `${proven?.kind === "parsed" ? proven.value.uri : "nobody"} ${getHeader(metadata, "authorization") ?? "-"} ${csr} ${validityDuration}`,
    );
    return "code" in answer
      ? answer
      : {
          message: toBinary(
            IstioCertificateResponseSchema,
            create(IstioCertificateResponseSchema, { certChain: [...answer] }),
          ),
        };
  });
  const context = createTlsContext({ certificate: control.pem, key: control.keyPem, roots: root.pem }, "TLSv1.3");
  listener = listenGrpc(
    { kind: "tcp", host: "127.0.0.1", port: 0 },
    {
      context: () => context,
      alpn: ["h2"],
      clientCertificate: "optional",
      handshakeTimeoutMs: 2_000,
      onHandshakeFailure() {},
    },
    new GrpcService({ "/istio.v1.auth.IstioCertificateService/CreateCertificate": method }),
    ({ tls }) => ({ principal: "", address: "", certificate: tls?.peerCertificate }),
  );
  return listener.port;
}

function signer(port: number, held?: HeldIdentity, identity = CONTROL): RemoteSigner {
  return new RemoteSigner({ host: "127.0.0.1", port, roots: root.pem, identity }, new Secret("t0ken"), () => held);
}

function held(notAfterMs: number): HeldIdentity {
  return { chain: workload.pem, key: new Secret(workload.keyPem), roots: root.pem, notAfterMs };
}

async function failureOf(tested: RemoteSigner): Promise<Failure> {
  const thrown: unknown = await tested.sign("csr", 1_000).catch((error: unknown) => error);
  if (!(thrown instanceof Failure)) throw new Error(`not a Failure: ${thrown}`);
  return thrown;
}

beforeAll(() => configureLog({ level: "off" }));
afterAll(() => configureLog({ level: "info" }));
afterEach(() => {
  listener?.stop();
  proofs.length = 0;
});

test("the token proves the first request, the certificate those after it, and the token again once that expired", async () => {
  const port = authority(["leaf", "intermediate", "root"]);
  expect(await signer(port).sign("csr", 1_500)).toEqual({ chain: ["leaf", "intermediate"], roots: "root" });
  await signer(port, held(Date.now() + 60_000)).sign("csr", 1_000);
  await signer(port, held(Date.now() - 1)).sign("csr", 1_000);
  expect(proofs).toEqual(["nobody Bearer t0ken csr 2", `${WORKLOAD} - csr 1`, "nobody Bearer t0ken csr 1"]);
});

test("an expired token is a Failure that says so and what to do", async () => {
  const failure = await failureOf(signer(authority({ code: "UNAUTHENTICATED", message: "token expired at noon" })));
  expect(failure.message).toContain("token expired at noon");
  expect(failure.hint).toContain("heddle token");
});

test("an answer without a root, a control plane of another name, and none at all are Failures", async () => {
  expect((await failureOf(signer(authority(["leaf"])))).message).toContain("1 certificates");
  listener?.stop();
  const port = authority(["leaf", "root"]);
  const other = "spiffe://cluster.local/ns/default/sa/other";
  expect((await failureOf(signer(port, undefined, other))).message).toContain(`expected ${other}`);
  expect(proofs.length).toBe(1); // the token went to the first alone
  listener?.stop();
  const away = await failureOf(signer(port));
  expect(away.message).toContain(`cannot reach the control plane at 127.0.0.1:${port}`);
  expect(away.hint).toContain("heddle up");
});
