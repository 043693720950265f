// What the annotations of a workload say of the start of its proxy: of Istio's ProxyConfig, concurrency and proxyMetadata.

import { AS_IT_LIKES, type ProxyStart } from "../../model/proxy-start.ts";
import { isObject } from "../object.ts";
import { parseProxyConfig } from "./gateway-proxy.ts";

/** What is no such thing says nothing. */
export function readProxyStart(proxyConfig: string | undefined): ProxyStart {
  const config = proxyConfig === undefined ? undefined : parseProxyConfig(proxyConfig);
  if (!config) return AS_IT_LIKES;
  const { concurrency, proxyMetadata } = config;
  const isCount = typeof concurrency === "number" && Number.isInteger(concurrency) && concurrency >= 0;
  const variables = isObject(proxyMetadata) ? Object.entries(proxyMetadata) : [];
  return {
    concurrency: isCount ? concurrency : undefined,
    environment: Object.fromEntries(
      variables.filter((entry): entry is [string, string] => typeof entry[1] === "string"),
    ),
  };
}
