// What the annotations of a gateway's Pod say of its place among other proxies.

import { parse } from "yaml";
import {
  CLIENT_CERTIFICATE_FORWARDING,
  type ClientCertificateForwarding,
  type GatewayProxy,
} from "../../model/workload.ts";
import { isObject, type JsonObject } from "../object.ts";

/** Istio's, with a ProxyConfig in YAML or JSON: of it gatewayTopology counts. */
export const PROXY_CONFIG = "proxy.istio.io/config";

/** Istio's settings of a gateway: nobody in front of it is trusted, and what clients say of certificates is dropped. */
const EDGE: GatewayProxy = { trustedProxies: 0, clientCertificate: "SANITIZE_SET", proxyProtocol: false };

/** Undefined when the annotation is no such thing. */
export function readGatewayProxy(proxyConfig: string | undefined): GatewayProxy | undefined {
  if (proxyConfig === undefined) return EDGE;
  const config = parsed(proxyConfig);
  if (!config) return undefined;
  const { gatewayTopology: topology = {} } = config;
  if (!isObject(topology)) return undefined;
  const { numTrustedProxies = 0, forwardClientCertDetails = "UNDEFINED", proxyProtocol } = topology;
  const isCount =
    typeof numTrustedProxies === "number" && Number.isInteger(numTrustedProxies) && numTrustedProxies >= 0;
  const forwarding = forwardingOf(forwardClientCertDetails);
  if (!isCount || !forwarding) return undefined;
  return { trustedProxies: numTrustedProxies, clientCertificate: forwarding, proxyProtocol: isObject(proxyProtocol) };
}

function forwardingOf(value: unknown): ClientCertificateForwarding | undefined {
  if (value === "UNDEFINED") return EDGE.clientCertificate;
  return CLIENT_CERTIFICATE_FORWARDING.find((forwarding) => forwarding === value);
}

function parsed(text: string): JsonObject | undefined {
  try {
    const value: unknown = parse(text, { maxAliasCount: 0 });
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
