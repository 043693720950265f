// Roots beside the mesh's own: caCertificates of MeshConfig, caCertificatesPem of ProxyConfig.

import { X509Certificate } from "node:crypto";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import type { MeshConfigSpec } from "./mesh-config-schema.ts";
import { anchorHeldBack, badTrustAnchor } from "./mesh-diagnostics.ts";

type CertificateData = NonNullable<MeshConfigSpec["caCertificates"]>[number];

/** TLS trusts a root for every name: one that is for some trust domains or signers alone is left out rather than believed too much. */
export function readTrustAnchors(
  certificates: readonly CertificateData[],
  path: string,
  reporter: Reporter,
): readonly string[] {
  return certificates.flatMap(({ pem, certSigners = [], trustDomains = [] }, i) => {
    const at = joinPath(path, i);
    if (pem === undefined) return [];
    const roots = readRoots(pem, joinPath(at, "pem"), reporter);
    const field = trustDomains.length > 0 ? "trustDomains" : certSigners.length > 0 ? "certSigners" : undefined;
    if (field === undefined) return roots;
    reporter.report(joinPath(at, field), anchorHeldBack(field));
    return [];
  });
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
