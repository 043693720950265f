// `heddle proxy-config rootca-compare`: whether two proxies trust the same authorities, without which they cannot speak to each other.

import { X509Certificate } from "node:crypto";
import { Failure } from "../base/failure.ts";
import type { ProxyDump } from "./proxy-dump.ts";
import { secretPem } from "./proxy-table.ts";

/** Istio's name of the secret that holds what a workload trusts. */
const ROOTS = "ROOTCA";

/** What is said where each trusts an authority of the other's. Throws a Failure where they do not, or where one tells nothing of it. */
export function comparedRoots(one: string, other: string, dumps: readonly [one: ProxyDump, other: ProxyDump]): string {
  const [ofOne, ofOther] = [rootsOf(one, dumps[0]), rootsOf(other, dumps[1])] as const;
  const shared = ofOne.intersection(ofOther);
  if (shared.size === 0)
    throw new Failure(`${one} and ${other} trust different authorities: neither takes the other's certificate`, {
      hint: `heddle proxy-config secret ${one}, and of ${other}: the row ROOTCA`,
    });
  const isSame = shared.size === ofOne.size && shared.size === ofOther.size;
  if (isSame) return `${one} and ${other} trust the same authorities: each takes the other's certificate`;
  return `${one} and ${other} have ${shared.size} of ${ofOne.union(ofOther).size} authorities in common: one is being replaced`;
}

/** By fingerprint. */
function rootsOf(name: string, { secrets }: ProxyDump): ReadonlySet<string> {
  const secret = secrets.find((each) => each.name === ROOTS);
  const found = (secret ? secretPem(secret) : "").match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g);
  if (found) return new Set(found.map((pem) => new X509Certificate(pem).fingerprint256));
  throw new Failure(`${name} does not tell what it trusts: it has no secret ${ROOTS}`);
}
