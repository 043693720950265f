// What a port speaks, as its owner declared it.

/** `undeclared`: nobody said, so proxies look at the first bytes. `mongo`, `mysql` and `redis` are byte streams with a name. */
export const PROTOCOLS = [
  "http",
  "http2",
  "grpc",
  "grpc-web",
  "https",
  "tls",
  "tcp",
  "udp",
  "mongo",
  "mysql",
  "redis",
  "undeclared",
] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** Requests that a proxy can read and route one by one. */
export function isHttp(protocol: Protocol): boolean {
  return protocol === "http" || protocol === "http2" || protocol === "grpc" || protocol === "grpc-web";
}

/** HTTP that is HTTP/2 from its first byte. */
export function isHttp2(protocol: Protocol): boolean {
  return protocol === "http2" || protocol === "grpc";
}

/** TLS that the application itself speaks; a proxy sees the SNI at most. */
export function isTls(protocol: Protocol): boolean {
  return protocol === "https" || protocol === "tls";
}
