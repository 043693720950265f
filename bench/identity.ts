// Who the two workloads of the benchmark are, and their certificates.

import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { serverName as legName } from "../src/xds/names.ts";

export type Account = "client" | "golden-signal";

export function spiffe(account: Account): string {
  return `spiffe://cluster.local/ns/default/sa/${account}`;
}

/** SNI of the leg for a port of golden-signal. */
export function serverName(port: number): string {
  return legName({ port, subset: "", host: "golden-signal.default.svc.cluster.local" });
}

function makeKey(openssl: Openssl, name: string): void {
  openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", `${name}.key`);
}

type Openssl = (...args: string[]) => void;

function opensslIn(program: string, folder: string): Openssl {
  return (...args) => {
    execFileSync(program, args, { cwd: folder, stdio: "pipe" });
  };
}

/** Makes `root.crt` and `root.key` in `folder`, ECDSA P-256. */
export function makeAuthority(program: string, folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const openssl = opensslIn(program, folder);
  makeKey(openssl, "root");
  const root = ["-key", "root.key", "-days", "2", "-subj", "/O=cluster.local"];
  openssl("req", "-x509", "-new", ...root, "-out", "root.crt");
}

/** Makes `<name>.crt` and `<name>.key` for a SPIFFE id, of the authority in `folder`. */
export function makeLeaf(program: string, folder: string, name: string, uri: string): void {
  const openssl = opensslIn(program, folder);
  makeKey(openssl, name);
  openssl("req", "-new", "-key", `${name}.key`, "-subj", "/", "-out", `${name}.csr`);
  const extensions = [
    `subjectAltName=critical,URI:${uri}`,
    "extendedKeyUsage=serverAuth,clientAuth",
    "keyUsage=digitalSignature",
  ];
  writeFileSync(join(folder, `${name}.ext`), extensions.join("\n"));
  const authority = ["-CA", "root.crt", "-CAkey", "root.key", "-CAcreateserial", "-days", "2"];
  const files = ["-in", `${name}.csr`, "-extfile", `${name}.ext`, "-out", `${name}.crt`];
  openssl("x509", "-req", ...files, ...authority);
}

/** Makes `root` and a leaf for each account. */
export function makeCertificates(program: string, folder: string): void {
  makeAuthority(program, folder);
  for (const account of ["client", "golden-signal"] as const) makeLeaf(program, folder, account, spiffe(account));
}
