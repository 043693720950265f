// An authority that the operator brings, under the file names of Istio's `cacerts`: usually an intermediate of the company's root.
import { join } from "node:path";
import { EXIT, Failure } from "../base/failure.ts";
import { Secret } from "../base/secret.ts";
import { parseBundle } from "../pki/bundle.ts";
import { type Certificate, equalBytes, fingerprint, parseCertificates } from "../pki/certificate.ts";
import { importPrivateKey } from "../pki/key.ts";
import type { Parsed } from "../pki/parsed.ts";
import type { SigningAuthority } from "./authority.ts";
import { exists, readPrivateText, readText } from "./durable-file.ts";

/** Signing certificate, its key, the roots (one or several), and the certificates between the two. */
export const PLUGGED_IN_FILES = {
  certificate: "ca-cert.pem",
  key: "ca-key.pem",
  roots: "root-cert.pem",
  chain: "cert-chain.pem",
} as const;

/** The authority in `folder`, or undefined when none of its files is there. Throws a Failure that names the file at fault. */
export function readPluggedIn(folder: string, trustDomain: string): SigningAuthority | undefined {
  const path = (name: keyof typeof PLUGGED_IN_FILES) => join(folder, PLUGGED_IN_FILES[name]);
  const names = Object.keys(PLUGGED_IN_FILES) as (keyof typeof PLUGGED_IN_FILES)[];
  const present = names.filter((name) => exists(path(name)));
  if (present.length === 0) return undefined;
  const missing = names.find((name) => name !== "chain" && !present.includes(name));
  if (missing !== undefined) {
    throw new Failure(
      `plugged-in authority is incomplete: ${path(missing)} is missing beside ${PLUGGED_IN_FILES[present[0]!]}`,
      {
        hint: "give ca-cert.pem, ca-key.pem and root-cert.pem (and cert-chain.pem for an intermediate), or remove them all for a self-signed root",
        exit: EXIT.data,
      },
    );
  }
  const [certificate] = read(path("certificate"), parseCertificates(readText(path("certificate")), 1));
  const key = read(path("key"), importPrivateKey(new Secret(readPrivateText(path("key")))));
  if (!equalBytes(key.publicKeyInfo, certificate!.publicKeyInfo)) {
    throw new Failure(`key ${path("key")} does not belong to certificate ${path("certificate")}`, {
      hint: "give the key that the certificate was made for",
      exit: EXIT.data,
    });
  }
  const bundle = read(path("roots"), parseBundle(trustDomain, readText(path("roots"))));
  const between = present.includes("chain") ? read(path("chain"), parseCertificates(readText(path("chain")))) : [];
  return {
    certificate: certificate!,
    privateKey: key.privateKey,
    intermediates: withoutRoots([certificate!, ...between], bundle.roots),
    bundle,
  };
}

/** Istio's chain file may repeat the signing certificate and end with the root; leaves are sent with each once, and no root. */
function withoutRoots(chain: readonly Certificate[], roots: readonly Certificate[]): readonly Certificate[] {
  const seen = new Set(roots.map(fingerprint));
  return chain.filter((certificate) => {
    const name = fingerprint(certificate);
    if (seen.has(name)) return false;
    seen.add(name);
    return true;
  });
}

function read<T>(path: string, result: Parsed<T>): T {
  if (result.kind === "parsed") return result.value;
  throw new Failure(`cannot use ${path}: ${result.reason}`, {
    hint: "replace the file, or remove the plugged-in authority for a self-signed root",
    exit: EXIT.data,
  });
}
