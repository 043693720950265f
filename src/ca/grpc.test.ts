// The signing call over the wire, from another gRPC implementation, as Istio's agents and ztunnel make it.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { configureLog } from "../base/log.ts";
import { GrpcService } from "../grpc/server.ts";
import { Http2ServerConnection } from "../http/h2/server-connection.ts";
import { DEFAULT_LIMITS } from "../http/limits.ts";
import { type ListeningSocket, listen } from "../net/listen.ts";
import { parseCertificates } from "../pki/certificate.ts";
import { makeCertificateRequest } from "../pki/csr.ts";
import { IstioCertificateRequestSchema, IstioCertificateResponseSchema } from "../pki/gen/istio/v1/auth/ca_pb.ts";
import { generateKeyPair } from "../pki/key.ts";
import { unwrap } from "../pki/parsed.ts";
import { parseSpiffeId } from "../pki/spiffe.ts";
import { Attestor } from "./attest.ts";
import { createRoot, issueLeaf, selfSignedAuthority } from "./authority.ts";
import { parseGrant } from "./grant.ts";
import { CREATE_CERTIFICATE, certificateMethods } from "./grpc.ts";
import { CertificateService, DEFAULT_POLICY } from "./service.ts";
import { JoinTokens } from "./token.ts";

const A = "spiffe://cluster.local/ns/default/sa/a";
const id = unwrap(parseSpiffeId(A));
const authority = selfSignedAuthority(createRoot("cluster.local", Date.now()), "cluster.local");
const joinTokens = new JoinTokens(generateKeyPair(), () => authority.bundle);
const service = new CertificateService({
  authority: () => authority,
  attestor: new Attestor({ authority: () => authority, joinTokens }),
  policy: DEFAULT_POLICY,
  observer: { requested() {}, signed() {}, refused() {} },
  now: Date.now,
});

let listener: ListeningSocket;
let client: Client;
/** The certificate that the connection is taken to have proven. */
let certificate: Uint8Array | undefined;

beforeAll(() => {
  configureLog({ level: "off" });
  const methods = new GrpcService(certificateMethods(service));
  listener = listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, undefined, (transport) => {
    const peer = {
      principal: "",
      address: "127.0.0.1",
      get certificate() {
        return certificate;
      },
    };
    transport.listener = new Http2ServerConnection(
      transport,
      methods.listener(peer, () => {}),
      DEFAULT_LIMITS,
      "http",
    );
  });
  client = new Client(`127.0.0.1:${listener.port}`, credentials.createInsecure());
});
afterAll(() => {
  client.close();
  listener.stop();
  configureLog({ level: "info" });
});

/** PEM of the chain, or the status as gRPC's code and details. */
function call(
  request: Uint8Array,
  authorization?: string,
): Promise<readonly string[] | { readonly code: number; readonly details: string }> {
  const metadata = new Metadata();
  if (authorization !== undefined) metadata.set("authorization", authorization);
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      CREATE_CERTIFICATE,
      (bytes: Uint8Array) => Buffer.from(bytes),
      (bytes) => fromBinary(IstioCertificateResponseSchema, bytes).certChain,
      request,
      metadata,
      (error: ServiceError | null, chain?: readonly string[]) =>
        resolve(error ? { code: error.code, details: error.details } : (chain ?? [])),
    );
  });
}

function request(uri: string = A): Uint8Array {
  const csr = makeCertificateRequest(generateKeyPair(), unwrap(parseSpiffeId(uri)));
  return toBinary(IstioCertificateRequestSchema, create(IstioCertificateRequestSchema, { csr, validityDuration: 20n }));
}

describe("CreateCertificate", () => {
  test("gives a caller with a join token its chain, the leaf first and the root last", async () => {
    const token = await joinTokens.issue(unwrap(parseGrant(A)), 60_000, Date.now());
    const chain = await call(request(), `Bearer ${token.reveal()}`);
    if (!("length" in chain)) throw new Error(chain.details);
    const [leaf, root] = chain.map((pem) => unwrap(parseCertificates(pem))[0]!);
    expect(leaf!.altNames.uris).toEqual([A]);
    expect(root!.der).toEqual(authority.certificate.der);
  });

  test("renews by the connection's certificate, for its own identity only", async () => {
    const verdict = issueLeaf(
      authority,
      { id, publicKeyInfo: generateKeyPair().publicKeyInfo, ttlMs: 60_000 },
      Date.now(),
    );
    certificate = verdict.kind === "issued" ? verdict.leaf.der : undefined;
    expect(await call(request())).toBeArrayOfSize(2);
    expect(await call(request("spiffe://cluster.local/ns/default/sa/b"))).toMatchObject({
      code: 7,
      details: expect.stringContaining(`caller is ${A}`),
    });
    certificate = undefined;
  });

  test("answers with gRPC's statuses", async () => {
    expect(await call(request())).toMatchObject({ code: 16, details: expect.stringContaining("no credential") });
    expect(await call(request(), "Bearer a.b.c")).toMatchObject({ code: 16 });
    expect(await call(Uint8Array.of(0xff, 0xff))).toMatchObject({
      code: 3,
      details: "request is no IstioCertificateRequest",
    });
    expect(await call(Uint8Array.of())).toMatchObject({ code: 3, details: "certificate request: no PEM block" });
  });
});
