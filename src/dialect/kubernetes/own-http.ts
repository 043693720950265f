// What the annotations of a workload say of its proxy's HTTP: of Istio's ProxyConfig, proxyHeaders and connectionSettings.

import type { ProxyHeaders } from "../../model/proxy-headers.ts";
import { decodeValue } from "../decode.ts";
import { ownConfigWithoutEffect } from "../istio/mesh-diagnostics.ts";
import { type ConnectionSettingsSpec, PROXY_CONFIG as PROXY_CONFIG_SCHEMA } from "../istio/proxy-config-schema.ts";
import { readProxyHeaders } from "../istio/proxy-headers.ts";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import { PROXY_CONFIG, parseProxyConfig } from "./gateway-proxy.ts";
import { silentReporter } from "./silent-reporter.ts";

export interface OwnHttpSpec {
  readonly headers: ProxyHeaders | undefined;
  readonly connections: ConnectionSettingsSpec | undefined;
}

const NOTHING: OwnHttpSpec = { headers: undefined, connections: undefined };

/** What is wrong has no effect, and is told: the workload is in the mesh all the same. */
export function readOwnHttp(proxyConfig: string | undefined, reporter: Reporter): OwnHttpSpec {
  const config = proxyConfig === undefined ? undefined : parseProxyConfig(proxyConfig);
  if (!config) return NOTHING;
  const { proxyHeaders, connectionSettings } = PROXY_CONFIG_SCHEMA.fields;
  const headers = right("proxyHeaders", reporter, (own) =>
    decodeValue(proxyHeaders, config.proxyHeaders, "proxyHeaders", own),
  );
  const connections = right("connectionSettings", reporter, (own) =>
    decodeValue(connectionSettings, config.connectionSettings, "connectionSettings", own),
  );
  return { headers: headers && readProxyHeaders(headers), connections };
}

function right<T>(name: string, reporter: Reporter, decode: (own: Reporter) => T | undefined): T | undefined {
  const own = silentReporter();
  const decoded = decode(own);
  const wrong = own.diagnostics.find(({ severity }) => severity === "error");
  if (wrong)
    reporter.report(joinPath("metadata.annotations", PROXY_CONFIG), ownConfigWithoutEffect(name, wrong.message));
  return decoded;
}
