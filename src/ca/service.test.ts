import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { configureLog } from "../base/log.ts";
import type { Secret } from "../base/secret.ts";
import { type Certificate, parseCertificates } from "../pki/certificate.ts";
import { HOUR_MS, NOON_MS, testIntermediate, testLeaf } from "../pki/certificate-fixtures.ts";
import { makeCertificateRequest } from "../pki/csr.ts";
import { type IstioCertificateRequest, IstioCertificateRequestSchema } from "../pki/gen/istio/v1/auth/ca_pb.ts";
import { generateKeyPair } from "../pki/key.ts";
import { unwrap } from "../pki/parsed.ts";
import { formatPem, parsePem } from "../pki/pem.ts";
import { parseSpiffeId } from "../pki/spiffe.ts";
import { svidIdentity, verifySvid } from "../pki/svid.ts";
import { Attestor, type TokenReview } from "./attest.ts";
import { createRoot, issueLeaf, type SigningAuthority, selfSignedAuthority } from "./authority.ts";
import type { Presented } from "./credentials.ts";
import { parseGrant } from "./grant.ts";
import { CertificateService, DEFAULT_POLICY, type SigningReply } from "./service.ts";
import { JoinTokens } from "./token.ts";

beforeAll(() => configureLog({ level: "off" }));
afterAll(() => configureLog({ level: "info" }));

const A = "spiffe://cluster.local/ns/default/sa/a";
const B = "spiffe://cluster.local/ns/default/sa/b";
const NOBODY: Presented = { authorization: undefined, certificates: [] };

const authority = selfSignedAuthority(createRoot("cluster.local", NOON_MS), "cluster.local");
const bundles = new Map([["cluster.local", authority.bundle]]);
const joinTokens = new JoinTokens(generateKeyPair(), () => authority.bundle);
const key = generateKeyPair();

let seen: string[] = [];
beforeEach(() => {
  seen = [];
});

function service(
  changes: { readonly now?: () => number; readonly review?: TokenReview; readonly authority?: SigningAuthority } = {},
): CertificateService {
  const { review } = changes;
  return new CertificateService({
    authority: () => changes.authority ?? authority,
    attestor: new Attestor({
      authority: () => changes.authority ?? authority,
      joinTokens,
      ...(review && {
        tokenReviewer: {
          review: async (token, audiences) => {
            seen.push(`review ${token} ${audiences}`);
            return review;
          },
        },
      }),
    }),
    policy: DEFAULT_POLICY,
    observer: {
      requested: () => void seen.push("requested"),
      signed: (method, ttlMs) => void seen.push(`signed ${method} ${ttlMs}`),
      refused: (status) => void seen.push(`refused ${status}`),
    },
    now: changes.now ?? (() => NOON_MS),
  });
}

function csr(uri: string, seconds = 0n, metadata?: IstioCertificateRequest["metadata"]): IstioCertificateRequest {
  const pem = makeCertificateRequest(key, unwrap(parseSpiffeId(uri)));
  return create(IstioCertificateRequestSchema, { csr: pem, validityDuration: seconds, ...(metadata && { metadata }) });
}

function withToken(token: Secret): Presented {
  return { authorization: `Bearer ${token.reveal()}`, certificates: [] };
}

function withCertificate({ der }: Certificate): Presented {
  return { authorization: undefined, certificates: [der] };
}

async function bearer(grant: string): Promise<Presented> {
  return withToken(await joinTokens.issue(unwrap(parseGrant(grant)), HOUR_MS, NOON_MS));
}

function leaf(uri: string): Certificate {
  const verdict = issueLeaf(
    authority,
    { id: unwrap(parseSpiffeId(uri)), publicKeyInfo: key.publicKeyInfo, ttlMs: HOUR_MS },
    NOON_MS,
  );
  if (verdict.kind === "refused") throw new Error(verdict.reason);
  return verdict.leaf;
}

/** The leaf of a reply that must have been signed, and the rest of its chain. */
function signed(reply: SigningReply): readonly Certificate[] {
  if (reply.kind === "status") throw new Error(reply.message);
  return reply.response.certChain.flatMap((pem) => unwrap(parseCertificates(pem)));
}

function refusal(reply: SigningReply): string {
  return reply.kind === "status" ? `${reply.status} ${reply.message}` : "signed";
}

describe("a caller with a join token", () => {
  test("gets a certificate for its key and identity, the root last, trusted by its peers", async () => {
    const [certificate, root] = signed(await service().createCertificate(csr(A), await bearer(A)));
    expect(svidIdentity(certificate!)).toMatchObject({ kind: "parsed", value: { uri: A } });
    expect(certificate!.publicKeyInfo).toEqual(key.publicKeyInfo);
    expect(verifySvid([certificate!], bundles, NOON_MS, "server").kind).toBe("trusted");
    expect(root!.der).toEqual(authority.certificate.der);
    expect(seen).toEqual(["requested", `signed join-token ${DEFAULT_POLICY.defaultTtlMs}`]);
  });

  test("of a namespace gets any service account of it, and no other", async () => {
    const credentials = await bearer("spiffe://cluster.local/ns/default/sa/*");
    expect(signed(await service().createCertificate(csr(B), credentials)).length).toBe(2);
    expect(refusal(await service().createCertificate(csr("spiffe://cluster.local/ns/other/sa/a"), credentials))).toBe(
      "PERMISSION_DENIED join token is for spiffe://cluster.local/ns/default/sa/*, not for spiffe://cluster.local/ns/other/sa/a",
    );
  });

  test("gets the lifetime it asks for, at most the greatest, and the default for none", async () => {
    const lifetimes = await Promise.all(
      [0n, -5n, 20n, 86_400n, 86_401n, 2n ** 63n - 1n].map(async (seconds) => {
        const [certificate] = signed(await service().createCertificate(csr(A, seconds), await bearer(A)));
        return (certificate!.notAfterMs - NOON_MS) / 1_000;
      }),
    );
    expect(lifetimes).toEqual([86_400, 86_400, 20, 86_400, 86_400, 86_400]);
  });

  test("that has expired or was not given out here is told so", async () => {
    const credentials = await bearer(A);
    const late = service({ now: () => NOON_MS + HOUR_MS + 90_000 });
    expect(refusal(await late.createCertificate(csr(A), credentials))).toBe(
      "UNAUTHENTICATED join token: expired 1m30s ago, at 2030-01-01T13:00:00.000Z: get a new one",
    );
    const stranger = new JoinTokens(generateKeyPair(), () => authority.bundle);
    const foreign = await stranger.issue(unwrap(parseGrant(A)), HOUR_MS, NOON_MS);
    expect(refusal(await service().createCertificate(csr(A), withToken(foreign)))).toBe(
      "UNAUTHENTICATED join token: was not signed by this control plane",
    );
    expect(seen.at(-1)).toBe("refused UNAUTHENTICATED");
  });
});

describe("a caller with a certificate", () => {
  test("renews it for the same identity, with a new key", async () => {
    const [renewed] = signed(await service().createCertificate(csr(A), withCertificate(leaf(A))));
    expect(svidIdentity(renewed!)).toMatchObject({ value: { uri: A } });
    expect(seen.at(-1)).toStartWith("signed certificate");
  });

  test("of an intermediate renews it with the leaf alone, as connections hand it over", async () => {
    const top = createRoot("cluster.local", NOON_MS);
    const middle = testIntermediate({ ...top, pem: "", keyPem: "" }, NOON_MS);
    const { bundle } = selfSignedAuthority(top, "cluster.local");
    const below = {
      certificate: middle.certificate,
      privateKey: middle.key.privateKey,
      intermediates: [middle.certificate],
      bundle,
    };
    const held = testLeaf(middle, A, NOON_MS).certificate;
    const reply = await service({ authority: below }).createCertificate(csr(A), withCertificate(held));
    expect(signed(reply).length).toBe(3);
  });

  test("does not become somebody else", async () => {
    expect(refusal(await service().createCertificate(csr(B), withCertificate(leaf(A))))).toBe(
      `PERMISSION_DENIED caller is ${A}, the certificate request is for ${B}`,
    );
  });

  test("that expired, is foreign or breaks the rules is refused, unless a good token comes with it", async () => {
    const foreign = testLeaf({ ...selfSigned(), pem: "", keyPem: "" }, A, NOON_MS).certificate;
    const late = service({ now: () => NOON_MS + 2 * HOUR_MS });
    expect(refusal(await late.createCertificate(csr(A), withCertificate(leaf(A))))).toBe(
      "UNAUTHENTICATED client certificate: expired 1h ago",
    );
    expect(refusal(await service().createCertificate(csr(A), withCertificate(foreign)))).toBe(
      "UNAUTHENTICATED client certificate: was not issued by this authority",
    );
    const credentials = { ...(await bearer(A)), certificates: [foreign.der] };
    expect(signed(await service().createCertificate(csr(A), credentials)).length).toBe(2);
  });

  function selfSigned() {
    return createRoot("cluster.local", NOON_MS);
  }
});

describe("a caller with a service account token", () => {
  const credentials: Presented = { authorization: "Bearer a.b.c", certificates: [] };

  test("is who the API server says, asked for the audience of Istio's agents", async () => {
    const reviewed = service({ review: { kind: "authenticated", account: { namespace: "default", name: "a" } } });
    expect(signed(await reviewed.createCertificate(csr(A), credentials)).length).toBe(2);
    expect(seen).toEqual(["requested", "review a.b.c istio-ca", expect.stringContaining("signed service-account")]);
    expect(refusal(await reviewed.createCertificate(csr(B), credentials))).toStartWith("PERMISSION_DENIED");
  });

  test("is refused by the API server's word, and asked to come again when there is none", async () => {
    const cases: readonly [TokenReview, string][] = [
      [{ kind: "refused", reason: "token has expired" }, "UNAUTHENTICATED service account token: token has expired"],
      [
        { kind: "unavailable", reason: "connection refused" },
        "UNAVAILABLE service account token cannot be reviewed: connection refused",
      ],
      [
        { kind: "authenticated", account: { namespace: "a/b", name: "c" } },
        "UNAUTHENTICATED service account token: namespace",
      ],
    ];
    for (const [review, message] of cases)
      expect(refusal(await service({ review }).createCertificate(csr(A), credentials))).toStartWith(message);
  });

  test("is told when there is no Kubernetes", async () => {
    expect(refusal(await service().createCertificate(csr(A), credentials))).toContain("not connected to Kubernetes");
  });
});

describe("a request is refused", () => {
  test("without a credential", async () => {
    expect(refusal(await service().createCertificate(csr(A), NOBODY))).toStartWith("UNAUTHENTICATED no credential");
  });

  test("when it is malformed or not signed by its own key", async () => {
    const credentials = await bearer("spiffe://cluster.local/ns/*/sa/*");
    const bad = create(IstioCertificateRequestSchema, { csr: "x" });
    expect(refusal(await service().createCertificate(bad, credentials))).toBe(
      "INVALID_ARGUMENT certificate request: no PEM block",
    );
    const der = Uint8Array.from(unwrap(parsePem(csr(A).csr))[0]!.der);
    const at = Buffer.from(der).indexOf("/sa/a");
    der[at + 4] = "b".charCodeAt(0); // the name is another now, the signature is not
    const changed = create(IstioCertificateRequestSchema, { csr: formatPem("CERTIFICATE REQUEST", der) });
    expect(refusal(await service().createCertificate(changed, credentials))).toBe(
      "INVALID_ARGUMENT certificate request is not signed with its own key",
    );
  });

  test("when it asks for another's certificate or another signer by metadata", async () => {
    const credentials = await bearer(A);
    expect(
      refusal(await service().createCertificate(csr(A, 0n, { ImpersonatedIdentity: B }), credentials)),
    ).toStartWith("PERMISSION_DENIED");
    expect(refusal(await service().createCertificate(csr(A, 0n, { CertSigner: "x" }), credentials))).toStartWith(
      "INVALID_ARGUMENT",
    );
    expect(signed(await service().createCertificate(csr(A, 0n, { ClusterID: "Kubernetes" }), credentials)).length).toBe(
      2,
    );
  });

  test("when the authority has expired or is of another trust domain", async () => {
    const late = service({ authority: selfSignedAuthority(createRoot("cluster.local", 0), "cluster.local") });
    expect(refusal(await late.createCertificate(csr(A), await bearer(A)))).toStartWith(
      "FAILED_PRECONDITION signing certificate expired at 1979",
    );
  });
});

test("every root of an overlap is in the last item", async () => {
  const other = createRoot("cluster.local", NOON_MS).certificate;
  const both = { ...authority, bundle: { ...authority.bundle, roots: [...authority.bundle.roots, other] } };
  const reply = await service({ authority: both }).createCertificate(csr(A), await bearer(A));
  if (reply.kind === "status") throw new Error(reply.message);
  expect(reply.response.certChain.map((pem) => unwrap(parseCertificates(pem)).length)).toEqual([1, 2]);
});
