// envoyMetricsService and statsdUdpAddress of ProxyConfig → whom a proxy tells its statistics.

import { parseAddress } from "../../base/cidr.ts";
import type { MetricsService, ProxyStart } from "../../model/proxy-start.ts";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import type { ProxyConfigSpec } from "./proxy-config-schema.ts";
import { badStatsdAddress, secretsOfNobody } from "./settings-diagnostics.ts";
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
  const place = readPlace(address, joinPath(path, "address"), reporter);
  if (!place) return undefined;
  const tlsPath = joinPath(path, "tlsSettings");
  for (const field of OF_SECRETS)
    if (tlsSettings?.[field] !== undefined) reporter.report(joinPath(tlsPath, field), secretsOfNobody(field));
  const tls = tlsSettings && readTls(tlsSettings, tlsPath, reporter);
  return {
    ...place,
    tls: tls?.kind === "disable" ? undefined : tls,
    keepalive: tcpKeepalive && {
      probes: tcpKeepalive.probes || undefined,
      idleMs: tcpKeepalive.time,
      intervalMs: tcpKeepalive.interval,
    },
  };
}

/** Envoy looks up no name for it. */
export function readStatsd(address: string, path: string, reporter: Reporter): ProxyStart["statsd"] {
  const place = placeOf(address);
  if (place && parseAddress(place.host)) return { address: place.host, port: place.port };
  reporter.report(path, badStatsdAddress(address));
  return undefined;
}

/** Of a receiver that the proxy's own resolver finds. */
export function readPlace(address: string, path: string, reporter: Reporter): ReturnType<typeof placeOf> {
  const place = placeOf(address);
  if (!place) reporter.report(path, badReceiverAddress(address));
  return place;
}

function placeOf(address: string): { readonly host: string; readonly port: number } | undefined {
  const { host = "", port = "" } = ADDRESS.exec(address)?.groups ?? {};
  const number = Number(port);
  return number < 1 || number > MAX_PORT ? undefined : { host: host.replace(/[[\]]/g, ""), port: number };
}
