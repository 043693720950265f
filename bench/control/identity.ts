// Certificates of the control plane and of the proxies, one for all of a namespace.

import { join } from "node:path";
import { makeAuthority, makeLeaf } from "../identity.ts";

export const SERVER_IDENTITY = "spiffe://cluster.local/ns/heddle-system/sa/heddle";

export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
  readonly roots: string;
}

export function makeControlCertificates(openssl: string, folder: string, namespaces: readonly string[]): void {
  makeAuthority(openssl, folder);
  makeLeaf(openssl, folder, "control-plane", SERVER_IDENTITY);
  for (const namespace of namespaces)
    makeLeaf(openssl, folder, namespace, `spiffe://cluster.local/ns/${namespace}/sa/default`);
}

export function certificateFiles(folder: string, name: string): CertificateFiles {
  const file = (suffix: string) => join(folder, suffix);
  return { certificate: file(`${name}.crt`), key: file(`${name}.key`), roots: file("root.crt") };
}
