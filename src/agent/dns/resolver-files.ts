// What stands in /etc for captured programs, so that their resolver libraries ask by DNS, and with Kubernetes' search path.

import { existsSync, readFileSync } from "node:fs";
import { searchDomains } from "./mesh-names.ts";
import { ResolvConfFile, resolvConfText } from "./resolv-conf.ts";

const NSSWITCH = "/etc/nsswitch.conf";

/** Of clusters that were not given another domain. */
export const CLUSTER_SUFFIX = "svc.cluster.local";

/** Services of nsswitch.conf that ask a daemon of the machine over its Unix socket, and would not be captured. */
const DAEMONS = /^(?:resolve|mdns\w*|wins)$/;

/** The machine's nsswitch.conf(5), in which hosts are looked up in files and by DNS. */
export function nsswitchText(own: string): string {
  return own
    .split("\n")
    .map((line) => {
      const [, services] = /^\s*hosts:(.*)$/.exec(line.replace(/#.*$/, "")) ?? [];
      return services === undefined ? line : `hosts: ${hostServices(services).join(" ")}`;
    })
    .join("\n");
}

function hostServices(services: string): readonly string[] {
  // An action in brackets is about the service before it.
  const entries = services.match(/[^\s[\]]+(?:\s*\[[^\]]*\])?/g) ?? [];
  const kept = entries.filter((entry) => !DAEMONS.test(entry.replace(/\s*\[.*$/, "")));
  return kept.some((entry) => /^dns\b/.test(entry)) ? kept : [...kept, "dns"];
}

/** File name → text. Only of files that the machine has: there is nothing to mount others over, and libraries' defaults come to us, too. */
export function resolverFiles(nameserver: string, namespace: string): Readonly<Record<string, string>> {
  const machine = new ResolvConfFile().current;
  return {
    ...(existsSync("/etc/resolv.conf")
      ? { "resolv.conf": resolvConfText(nameserver, searchDomains(namespace, CLUSTER_SUFFIX), machine) }
      : {}),
    ...(existsSync(NSSWITCH) ? { "nsswitch.conf": nsswitchText(readFileSync(NSSWITCH, "utf8")) } : {}),
  };
}
