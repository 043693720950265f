// Checks of a mesh that runs, out of what its control plane says of it.

import type { ProxyStatus, State } from "../admin/api.ts";
import { type CheckResult, failed, passed, warned } from "./checks.ts";

const DAY_MS = 86_400_000;
/** Linkerd's threshold: time to plan the change of a root. */
const ROOT_WARNING_DAYS = 60;

export function checkIdentity({ mesh }: State, now: number): readonly CheckResult[] {
  if (mesh.rootExpiresAt === null) return [failed("there is no root certificate")];
  const days = Math.floor((mesh.rootExpiresAt - now) / DAY_MS);
  const text = `the root certificate of ${mesh.trustDomain} is valid for ${days} days`;
  if (days < 0)
    return [
      failed(
        `the root certificate of ${mesh.trustDomain} has expired`,
        "replace the authority; every workload must join anew",
      ),
    ];
  return [days >= ROOT_WARNING_DAYS ? passed(text) : warned(text, "plan its replacement")];
}

export function checkDataPlane({ proxies }: State, now: number): readonly CheckResult[] {
  if (proxies.length === 0)
    return [warned("no proxy has registered", "`heddle run` starts a program with one beside it")];
  return [
    summary(proxies, "proxies have the configuration that they should have", configFault),
    summary(proxies, "proxies have a certificate that is good", (proxy) => certificateFault(proxy, now)),
    summary(proxies, "proxies give their metrics", ({ metrics }) =>
      metrics.health === "down" ? (metrics.error ?? "no answer") : undefined,
    ),
  ];
}

/** One line for all, or the first that is wrong and how many there are. */
function summary(
  proxies: readonly ProxyStatus[],
  description: string,
  fault: (proxy: ProxyStatus) => string | undefined,
): CheckResult {
  const faults = proxies.flatMap((proxy) => {
    const reason = fault(proxy);
    return reason === undefined ? [] : [`${proxy.namespace}/${proxy.name}: ${reason}`];
  });
  if (faults.length === 0) return passed(`all ${proxies.length} ${description}`);
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : "";
  return failed(`not all ${description}: ${faults[0]}${more}`, "heddle proxy-status");
}

function configFault({ config }: ProxyStatus): string | undefined {
  switch (config.state) {
    case "synced":
    case "pending":
      return undefined;
    case "rejected":
      return `it refused ${config.type}: ${config.message}`;
    case "disconnected":
      return "it is not connected";
  }
}

function certificateFault({ certificate, config }: ProxyStatus, now: number): string | undefined {
  if (config.state === "disconnected") return undefined; // said already
  if (!certificate) return "it has none";
  return certificate.expiresAt < now ? "it has expired" : undefined;
}

export function checkConfiguration({ mesh }: State): readonly CheckResult[] {
  const { errors, warnings } = mesh.findings;
  return [
    errors === 0 ? passed("no object has an error") : failed(`objects have errors: ${errors}`, "heddle analyze -A"),
    warnings === 0
      ? passed("no object has a warning")
      : warned(`objects have warnings: ${warnings}`, "heddle analyze -A"),
  ];
}
