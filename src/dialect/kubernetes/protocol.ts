// What a Service's port speaks (pkg/config/kube/conversion.go): appProtocol, else the port's name up to its first dash.

import type { Protocol } from "../../model/protocol.ts";

const BY_NAME: Readonly<Record<string, Protocol>> = {
  grpc: "grpc",
  "grpc-web": "grpc-web",
  http: "http",
  http2: "http2",
  https: "https",
  mongo: "mongo",
  mysql: "mysql",
  redis: "redis",
  tcp: "tcp",
  tls: "tls",
  udp: "udp",
};

/** Kubernetes' standard application protocols (KEP-3726). */
const BY_APP_PROTOCOL: Readonly<Record<string, Protocol>> = {
  "kubernetes.io/h2c": "http2",
  "kubernetes.io/ws": "http",
  "kubernetes.io/wss": "https",
};

/** SMTP, DNS, MySQL and MongoDB: the server speaks first or the bytes are not HTTP, so looking at them would stall. */
const NEVER_SNIFFED: ReadonlySet<number> = new Set([25, 53, 3306, 27017]);

/** What of a port says what it speaks; `sniffing`: nothing does, so proxies look at the first bytes. */
export type ProtocolDecider = "transport" | "appProtocol" | "name" | "number" | "sniffing";

export interface PortDeclaration {
  readonly port: number;
  readonly name?: string | undefined;
  readonly appProtocol?: string | undefined;
  /** Kubernetes' own: TCP unless said. */
  readonly protocol?: string | undefined;
}

export function portProtocol(port: PortDeclaration): Protocol {
  return protocolRuling(port).protocol;
}

export function protocolRuling(port: PortDeclaration): { readonly protocol: Protocol; readonly by: ProtocolDecider } {
  if (port.protocol === "UDP") return { protocol: "udp", by: "transport" };
  const { appProtocol } = port;
  const declared = appProtocol === undefined ? undefined : (BY_APP_PROTOCOL[appProtocol] ?? nameProtocol(appProtocol));
  if (declared) return { protocol: declared, by: "appProtocol" };
  const named = appProtocol === undefined ? nameProtocol(port.name ?? "") : undefined;
  if (named) return { protocol: named, by: "name" };
  return NEVER_SNIFFED.has(port.port) ? { protocol: "tcp", by: "number" } : { protocol: "undeclared", by: "sniffing" };
}

/** `grpc-web` and its suffixes are told from `grpc` with the suffix `web`. Unknown names declare nothing. */
function nameProtocol(name: string): Protocol | undefined {
  const text = name.toLowerCase();
  if (text === "grpc-web" || text.startsWith("grpc-web-")) return "grpc-web";
  const prefix = text.split("-", 1)[0]!;
  return Object.hasOwn(BY_NAME, prefix) ? BY_NAME[prefix] : undefined;
}
