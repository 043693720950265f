// What the authority makes, judged by OpenSSL: another implementation of the same rules.
import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findComponent } from "../../scripts/components.ts";
import { type Certificate, certificatePem } from "../pki/certificate.ts";
import { makeCertificateRequest, parseCertificateRequest } from "../pki/csr.ts";
import { exportPrivateKey, generateKeyPair } from "../pki/key.ts";
import { unwrap } from "../pki/parsed.ts";
import { parseSpiffeId } from "../pki/spiffe.ts";
import { createRoot, issueLeaf, selfSignedAuthority } from "./authority.ts";

const openssl = findComponent("openssl");

function run(folder: string, ...args: readonly string[]): string {
  const { stdout, stderr } = Bun.spawnSync([openssl!, ...args], { cwd: folder });
  return `${stdout}${stderr}`;
}

async function inFolder(
  files: Readonly<Record<string, string>>,
  use: (folder: string) => void | Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "heddle-openssl-"));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o600 });
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const now = Date.now();
const id = unwrap(parseSpiffeId("spiffe://cluster.local/ns/default/sa/golden-signal"));

function issue(): { readonly root: Certificate; readonly leaf: Certificate } {
  const authority = selfSignedAuthority(createRoot("cluster.local", now), "cluster.local");
  const verdict = issueLeaf(authority, { id, publicKeyInfo: generateKeyPair().publicKeyInfo, ttlMs: 3_600_000 }, now);
  if (verdict.kind === "refused") throw new Error(verdict.reason);
  return { root: authority.certificate, leaf: verdict.leaf };
}

describe.skipIf(openssl === undefined && process.env.CI !== "true")("openssl", () => {
  test("verifies a leaf strictly, as server and as client, and refuses it under another root", async () => {
    const { root, leaf } = issue();
    const foreign = createRoot("cluster.local", now).certificate;
    const files = {
      "root.pem": certificatePem(root),
      "foreign.pem": certificatePem(foreign),
      "leaf.pem": certificatePem(leaf),
    };
    await inFolder(files, (folder) => {
      for (const purpose of ["sslserver", "sslclient"]) {
        expect(run(folder, "verify", "-x509_strict", "-purpose", purpose, "-CAfile", "root.pem", "leaf.pem")).toContain(
          "leaf.pem: OK",
        );
      }
      expect(run(folder, "verify", "-CAfile", "foreign.pem", "leaf.pem")).toContain(
        "unable to get local issuer certificate",
      );
    });
  });

  test("reads in a leaf what an X.509-SVID must hold", async () => {
    await inFolder({ "leaf.pem": certificatePem(issue().leaf) }, (folder) => {
      const text = run(folder, "x509", "-in", "leaf.pem", "-noout", "-text");
      expect(text).toMatch(/Subject: \n/);
      expect(text).toMatch(
        /Subject Alternative Name: critical\s+URI:spiffe:\/\/cluster\.local\/ns\/default\/sa\/golden-signal\n/,
      );
      expect(text).toMatch(/Key Usage: critical\s+Digital Signature\n/);
      expect(text).toMatch(/Extended Key Usage: \n?\s+TLS Web Server Authentication, TLS Web Client Authentication\n/);
      expect(text).toMatch(/Basic Constraints: critical\s+CA:FALSE\n/);
      expect(text).toContain("ecdsa-with-SHA256");
    });
  });

  test("accepts a request that Heddle makes", async () => {
    await inFolder({ "request.pem": makeCertificateRequest(generateKeyPair(), id) }, (folder) => {
      const text = run(folder, "req", "-in", "request.pem", "-noout", "-verify", "-text");
      expect(text).toMatch(/verify OK/i);
      expect(text).toContain(`URI:${id.uri}`);
    });
  });

  test("makes requests that Heddle reads, also with a subject and other extensions", async () => {
    const key = exportPrivateKey(generateKeyPair()).reveal();
    await inFolder({ "key.pem": key }, (folder) => {
      const extensions = ["-addext", `subjectAltName=URI:${id.uri}`, "-addext", "keyUsage=critical,digitalSignature"];
      const pem = run(folder, "req", "-new", "-key", "key.pem", "-subj", "/O=istio/CN=ignored", ...extensions);
      expect(parseCertificateRequest(pem)).toMatchObject({ kind: "parsed", value: { id } });
    });
  });
});
