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

function makeKey(openssl: (...args: string[]) => void, name: string): void {
  openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", `${name}.key`);
}

/** Makes `root` and a leaf for each account, ECDSA P-256, as `<name>.crt` and `<name>.key` in `folder`. */
export function makeCertificates(program: string, folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const openssl = (...args: string[]): void => {
    execFileSync(program, args, { cwd: folder, stdio: "pipe" });
  };
  makeKey(openssl, "root");
  const root = ["-key", "root.key", "-days", "2", "-subj", "/O=cluster.local"];
  openssl("req", "-x509", "-new", ...root, "-out", "root.crt");
  for (const account of ["client", "golden-signal"] as const) {
    makeKey(openssl, account);
    openssl("req", "-new", "-key", `${account}.key`, "-subj", "/", "-out", `${account}.csr`);
    const extensions = [
      `subjectAltName=critical,URI:${spiffe(account)}`,
      "extendedKeyUsage=serverAuth,clientAuth",
      "keyUsage=digitalSignature",
    ];
    writeFileSync(join(folder, `${account}.ext`), extensions.join("\n"));
    const authority = ["-CA", "root.crt", "-CAkey", "root.key", "-CAcreateserial", "-days", "2"];
    const files = ["-in", `${account}.csr`, "-extfile", `${account}.ext`, "-out", `${account}.crt`];
    openssl("x509", "-req", ...files, ...authority);
  }
}
