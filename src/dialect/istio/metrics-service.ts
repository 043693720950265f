// envoyMetricsService of ProxyConfig → whom a proxy streams its statistics to.

import type { MetricsService } from "../../model/proxy-start.ts";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import type { ProxyConfigSpec } from "./proxy-config-schema.ts";
import { secretsOfNobody } from "./settings-diagnostics.ts";
import { badReceiverAddress } from "./telemetry-diagnostics.ts";
import { readTls } from "./traffic-policy.ts";

type Spec = NonNullable<ProxyConfigSpec["envoyMetricsService"]>;

const ADDRESS = /^(?<host>\[[0-9a-f:.]+\]|[^:\s]+):(?<port>\d{1,5})$/i;
const MAX_PORT = 65_535;
const OF_SECRETS = ["credentialName", "caCertCredentialName"] as const;

/** Without an address it is nobody, as in Istio. */
export function readMetricsService(spec: Spec, path: string, reporter: Reporter): MetricsService | undefined {
  const { address = "", tlsSettings, tcpKeepalive } = spec;
  if (address === "") return undefined;
  const { host = "", port = "" } = ADDRESS.exec(address)?.groups ?? {};
  const number = Number(port);
  if (number < 1 || number > MAX_PORT) {
    reporter.report(joinPath(path, "address"), badReceiverAddress(address));
    return undefined;
  }
  const tlsPath = joinPath(path, "tlsSettings");
  for (const field of OF_SECRETS)
    if (tlsSettings?.[field] !== undefined) reporter.report(joinPath(tlsPath, field), secretsOfNobody(field));
  const tls = tlsSettings && readTls(tlsSettings, tlsPath, reporter);
  return {
    host: host.replace(/[[\]]/g, ""),
    port: number,
    tls: tls?.kind === "disable" ? undefined : tls,
    keepalive: tcpKeepalive && {
      probes: tcpKeepalive.probes || undefined,
      idleMs: tcpKeepalive.time,
      intervalMs: tcpKeepalive.interval,
    },
  };
}
