// How proxies reach a receiver of which the mesh's settings say more than its address: TLS, probes of idle connections.

import type { OwnReach } from "../../model/telemetry.ts";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import { readPlace } from "./metrics-service.ts";
import { type ProviderReading, readReceiver } from "./provider-host.ts";
import type { ProxyConfigSpec } from "./proxy-config-schema.ts";
import { secretOfNoNamespace } from "./settings-diagnostics.ts";
import { readTls } from "./traffic-policy.ts";

type LogServiceSpec = NonNullable<ProxyConfigSpec["envoyAccessLogService"]>;
type Said = { readonly [Field in "tlsSettings" | "tcpKeepalive"]?: LogServiceSpec[Field] | undefined };

const OF_SECRETS = ["credentialName", "caCertCredentialName"] as const;

/** Undefined: as a service of the mesh. `said` stands at `path`. */
export function readOwnReach(
  { tlsSettings, tcpKeepalive }: Said,
  path: string,
  cluster: Pick<OwnReach, "cluster" | "http2">,
  reporter: Reporter,
): OwnReach | undefined {
  const tlsPath = joinPath(path, "tlsSettings");
  for (const field of OF_SECRETS)
    if (tlsSettings?.[field] !== undefined) reporter.report(joinPath(tlsPath, field), secretOfNoNamespace(field));
  const read = tlsSettings && readTls(tlsSettings, tlsPath, reporter);
  const tls = read?.kind === "disable" ? undefined : read;
  if (!tls && !tcpKeepalive) return undefined;
  const keepalive = tcpKeepalive && {
    probes: tcpKeepalive.probes || undefined,
    idleMs: tcpKeepalive.time,
    intervalMs: tcpKeepalive.interval,
  };
  return { ...cluster, tls, keepalive };
}

/** A service of the mesh, or whatever the proxy's own resolver finds. */
export function receiverAt(
  address: string,
  path: string,
  reach: OwnReach | undefined,
  reading: Pick<ProviderReading, "clusterDomain" | "reporter">,
): ReturnType<typeof readReceiver> {
  return reach ? readPlace(address, path, reading.reporter) : readReceiver(address, path, reading);
}
