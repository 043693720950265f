// What the annotations of a workload say of the start of its proxy: of Istio's ProxyConfig the fields that are for it.

import { AS_IT_LIKES, type ProxyStart } from "../../model/proxy-start.ts";
import { decodeValue } from "../decode.ts";
import { PROXY_CONFIG } from "../istio/proxy-config-schema.ts";
import { startOf } from "../istio/proxy-start.ts";
import { isObject } from "../object.ts";
import type { Schema, Value } from "../schema.ts";
import { parseProxyConfig } from "./gateway-proxy.ts";
import { silentReporter } from "./silent-reporter.ts";

/** What is no such thing says nothing. */
export function readProxyStart(proxyConfig: string | undefined): ProxyStart {
  const config = proxyConfig === undefined ? undefined : parseProxyConfig(proxyConfig);
  if (!config) return AS_IT_LIKES;
  const { fields } = PROXY_CONFIG;
  const spec = {
    caCertificatesPem: right(fields.caCertificatesPem, config.caCertificatesPem),
    connectionSettings: right(fields.connectionSettings, config.connectionSettings),
    concurrency: right(fields.concurrency, config.concurrency),
    proxyMetadata: variablesOf(config.proxyMetadata),
    drainDuration: right(fields.drainDuration, config.drainDuration),
    terminationDrainDuration: right(fields.terminationDrainDuration, config.terminationDrainDuration),
    fileFlushInterval: right(fields.fileFlushInterval, config.fileFlushInterval),
    fileFlushMinSizeKb: right(fields.fileFlushMinSizeKb, config.fileFlushMinSizeKb),
    proxyAdminPort: right(fields.proxyAdminPort, config.proxyAdminPort),
    statusPort: right(fields.statusPort, config.statusPort),
    proxyStatsMatcher: right(fields.proxyStatsMatcher, config.proxyStatsMatcher),
    statsCompression: right(fields.statsCompression, config.statsCompression),
    statsdUdpAddress: right(fields.statsdUdpAddress, config.statsdUdpAddress),
    envoyMetricsService: right(fields.envoyMetricsService, config.envoyMetricsService),
    runtimeValues: right(fields.runtimeValues, config.runtimeValues),
  };
  return startOf(spec, "", silentReporter());
}

function variablesOf(written: unknown): Readonly<Record<string, string>> {
  const variables = isObject(written) ? Object.entries(written) : [];
  return Object.fromEntries(variables.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}

/** Undefined when it is wrong, of which nobody is told: the proxy starts all the same. */
function right<S extends Schema>(schema: S, value: unknown): Value<S> | undefined {
  return decodeValue(schema, value, "", silentReporter());
}
