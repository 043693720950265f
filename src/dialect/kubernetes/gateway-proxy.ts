// What the annotations of a gateway's Pod say of its place among other proxies.

import { parse } from "yaml";
import { CLIENT_CERTIFICATE_FORWARDING, type ClientCertificateForwarding } from "../../model/proxy-headers.ts";
import type { GatewayProxy } from "../../model/workload.ts";
import { isObject, type JsonObject } from "../object.ts";

/** Istio's, with a ProxyConfig in YAML or JSON: of it gatewayTopology counts, and what proxy-start.ts reads. */
export const PROXY_CONFIG = "proxy.istio.io/config";

/** Undefined when the annotation is no such thing. A topology that it has replaces the mesh's, `byDefault`, as a whole. */
export function readGatewayProxy(proxyConfig: string | undefined, byDefault: GatewayProxy): GatewayProxy | undefined {
  if (proxyConfig === undefined) return byDefault;
  const config = parseProxyConfig(proxyConfig);
  if (!config) return undefined;
  const { gatewayTopology: topology } = config;
  if (topology === undefined || topology === null) return byDefault;
  if (!isObject(topology)) return undefined;
  const { numTrustedProxies = 0, forwardClientCertDetails = "UNDEFINED", proxyProtocol } = topology;
  const isCount =
    typeof numTrustedProxies === "number" && Number.isInteger(numTrustedProxies) && numTrustedProxies >= 0;
  const forwarding = forwardingOf(forwardClientCertDetails);
  if (!isCount || !forwarding) return undefined;
  return { trustedProxies: numTrustedProxies, clientCertificate: forwarding, proxyProtocol: isObject(proxyProtocol) };
}

/** `UNDEFINED` is Istio's own default: what a client says of certificates is dropped. */
function forwardingOf(value: unknown): ClientCertificateForwarding | undefined {
  if (value === "UNDEFINED") return "SANITIZE_SET";
  return CLIENT_CERTIFICATE_FORWARDING.find((forwarding) => forwarding === value);
}

export function parseProxyConfig(text: string): JsonObject | undefined {
  try {
    const value: unknown = parse(text, { maxAliasCount: 0 });
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
