// The mesh's names as /etc/hosts: what every resolver library reads before it asks anybody, in whatever language a program is written.

import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { parseAddress } from "../base/cidr.ts";
import type { NameTable, NameTable_NameInfo } from "../xds/gen/istio/networking/nds/v1/nds_pb.ts";

/** The registry whose names have short forms. */
const CLUSTER_REGISTRY = "Kubernetes";
const HOST = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;

/** What a resolver with Kubernetes' search path would find under the same address. `namespace` is the one that asks. */
function namesOf(
  host: string,
  { registry, shortname, namespace: of, altHosts }: NameTable_NameInfo,
  namespace: string,
) {
  const short = registry === CLUSTER_REGISTRY && shortname !== "" && of !== "";
  const forms = short ? [...(of === namespace ? [shortname] : []), `${shortname}.${of}`, `${shortname}.${of}.svc`] : [];
  // A hosts file has no wildcards, and no way to say that a line is somebody's mistake.
  return [host, ...forms, ...altHosts].filter((name) => HOST.test(name));
}

/** `own` comes first, and so wins. Sorted: the same table is the same text. */
export function hostsText(own: string, { table }: NameTable, namespace: string): string {
  const lines = Object.entries(table)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([host, info]) => {
      const names = namesOf(host, info, namespace);
      return names.length === 0 ? [] : info.ips.filter(parseAddress).map((ip) => `${ip} ${names.join(" ")}`);
    });
  return [own.replace(/\n?$/, "\n"), ...lines.map((line) => `${line}\n`)].join("");
}

/**
 * Writes in place: the file is mounted elsewhere, and a new file under its name would not be. Cut after writing, not before, so that
 * nobody who reads meanwhile finds it empty.
 */
export function rewrite(path: string, text: string): void {
  const fd = openSync(path, "r+");
  try {
    const bytes = Buffer.from(text);
    writeSync(fd, bytes, 0, bytes.length, 0);
    ftruncateSync(fd, bytes.length);
  } finally {
    closeSync(fd);
  }
}
