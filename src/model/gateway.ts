// Gateways: doors of the mesh. Which workloads open them, on which ports, for which hosts, and how they end TLS.

import { isUnixAddress } from "./endpoint.ts";
import type { Authored } from "./origin.ts";
import type { Protocol } from "./protocol.ts";

/** `<namespace>/<name>`, as routes name it. */
export type GatewayKey = string;

export interface Gateway extends Authored {
  readonly namespace: string;
  /** Labels of the workloads that open it, in every namespace; none: every gateway proxy. */
  readonly selector: Readonly<Record<string, string>>;
  readonly servers: readonly GatewayServer[];
}

/** Where the server listens, in words. */
export function placeOfServer({ port, bind = "" }: Pick<GatewayServer, "port" | "bind">): string {
  return isUnixAddress(bind) ? bind : `port ${port}`;
}

export function gatewayKey({ origin }: Gateway): GatewayKey {
  return `${origin.namespace}/${origin.name}`;
}

/** Routes of this namespace alone may have the host; undefined: those of any. */
export interface ServerHost {
  readonly namespace?: string | undefined;
  /** In lower case: exact, `*.suffix` or `*`. */
  readonly host: string;
}

export interface GatewayServer {
  /** Place in the Gateway (`spec.servers[0]`), for the source map. */
  readonly path: string;
  /** As clients call it. A Service before the gateway may lead it to another port of the workload. 0: a Unix socket. */
  readonly port: number;
  readonly portName: string;
  readonly protocol: Protocol;
  /** Address to listen on, or `unix://` and the path of a socket; undefined: the proxy's address. */
  readonly bind?: string | undefined;
  readonly hosts: readonly ServerHost[];
  /** Every request is sent to https. */
  readonly redirectsToHttps: boolean;
  /** Undefined: plaintext. */
  readonly tls?: GatewayTls | undefined;
}

export type GatewayTls =
  /** The server behind ends it; the SNI says which. */
  | { readonly kind: "passthrough" }
  /** The SNI is a mesh leg's, and names the cluster. */
  | { readonly kind: "auto-passthrough" }
  | {
      readonly kind: "terminate";
      readonly certificates: CertificateSource;
      readonly clients: ClientVerification;
      readonly parameters: TlsVersions;
      /** What is offered, the server's favourite first; undefined: HTTP/2 and HTTP/1.1 where requests come out of it, else nothing. */
      readonly alpn?: readonly string[] | undefined;
    };

export type CertificateSource =
  /** Of the gateway's namespace, by name; the client's hello decides between several. */
  | { readonly kind: "credentials"; readonly names: readonly string[] }
  /** On the gateway's disk. */
  | { readonly kind: "files"; readonly pairs: readonly { readonly chain: string; readonly key: string }[] }
  /** The workload's own, as on the leg. */
  | { readonly kind: "mesh" };

export type RootsSource =
  /** The name of the credential; its own `ca.crt`, or that of `<name>-cacert`, which comes first. */
  | { readonly kind: "credential"; readonly name: string }
  | { readonly kind: "file"; readonly path: string; readonly revoked?: string | undefined }
  | { readonly kind: "mesh" };

export type ClientVerification =
  | { readonly kind: "none" }
  | {
      readonly kind: "optional" | "required";
      readonly roots: RootsSource;
      /** Who proves nothing is served as if he had shown nothing. */
      readonly acceptsUntrusted?: boolean | undefined;
      /** One of them must be the certificate's; none: any. */
      readonly subjectAltNames: readonly string[];
      /** Hexadecimal SHA-256 of the certificate, with or without colons; none: any. */
      readonly certificateHashes: readonly string[];
      /** Base64 SHA-256 of the public key; none: any. */
      readonly publicKeyHashes: readonly string[];
    };

export const TLS_VERSIONS = ["TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3"] as const;
export type TlsVersion = (typeof TLS_VERSIONS)[number];

export interface TlsVersions {
  readonly min?: TlsVersion | undefined;
  readonly max?: TlsVersion | undefined;
  /** BoringSSL's names, for TLS 1.2 and below; none: the proxy's. */
  readonly cipherSuites: readonly string[];
  /** Of the key exchange, in BoringSSL's names, the favourite first; undefined: the proxy's. */
  readonly curves?: readonly string[] | undefined;
}

/** What shares a port of one proxy must be alike in this. */
export type ServerFamily = "http" | "tls" | "tcp";

export function familyOf({ protocol, tls }: GatewayServer): ServerFamily {
  if (tls) return "tls";
  return protocol === "http" || protocol === "http2" || protocol === "grpc" || protocol === "grpc-web" ? "http" : "tcp";
}
