// Roots beside the mesh's own: caCertificates of MeshConfig, caCertificatesPem of ProxyConfig.

import { X509Certificate } from "node:crypto";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import type { MeshConfigSpec } from "./mesh-config-schema.ts";
import { anchorHeldBack, badTrustAnchor, badTrustDomain } from "./mesh-diagnostics.ts";

type CertificateData = NonNullable<MeshConfigSpec["caCertificates"]>[number];

export interface ReadAnchors {
  readonly trustAnchors: readonly string[];
  readonly trustDomainAnchors: Readonly<Record<string, readonly string[]>>;
}

/** Nobody tells proxies which signer a root is of: one that is for some of them alone is left out rather than believed too much. */
export function readTrustAnchors(
  certificates: readonly CertificateData[],
  path: string,
  reporter: Reporter,
): ReadAnchors {
  const trustAnchors: string[] = [];
  const byDomain = new Map<string, string[]>();
  certificates.forEach(({ pem, certSigners = [], trustDomains = [] }, i) => {
    const at = joinPath(path, i);
    if (pem === undefined) return;
    const roots = readRoots(pem, joinPath(at, "pem"), reporter);
    if (certSigners.length > 0) {
      reporter.report(joinPath(at, "certSigners"), anchorHeldBack("certSigners"));
      return;
    }
    if (trustDomains.length === 0) trustAnchors.push(...roots);
    trustDomains.forEach((domain, j) => {
      if (!isTrustDomain(domain))
        reporter.report(joinPath(joinPath(at, "trustDomains"), j), badTrustDomain(`trustDomains[${j}]`, domain));
      byDomain.set(domain, [...(byDomain.get(domain) ?? []), ...roots]);
    });
  });
  return { trustAnchors, trustDomainAnchors: Object.fromEntries(byDomain) };
}

/** SPIFFE-ID.md 2.1. */
export function isTrustDomain(text: string): boolean {
  return text.length <= 255 && /^[a-z0-9._-]+$/.test(text);
}

/** Texts of one or more certificates each. */
export function readPemAnchors(texts: readonly string[], path: string, reporter: Reporter): readonly string[] {
  return texts.flatMap((text, i) => readRoots(text, joinPath(path, i), reporter));
}

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** Each certificate by itself, and none where one of them is wrong: a proxy would refuse all of its roots. */
function readRoots(pem: string, path: string, reporter: Reporter): readonly string[] {
  const blocks = pem.match(BLOCK) ?? [];
  const problem = blocks.length === 0 ? "it has no PEM block CERTIFICATE" : blocks.map(problemOf).find(Boolean);
  if (problem === undefined) return blocks;
  reporter.report(path, badTrustAnchor(problem));
  return [];
}

function problemOf(block: string): string | undefined {
  try {
    return new X509Certificate(block).ca ? undefined : "a certificate in it is no authority's";
  } catch {
    return "a certificate in it cannot be read";
  }
}
