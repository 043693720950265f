// How to reach an API server and who to be there. Everything that differs between the embedded server, a kubeconfig and a Pod's
// service account is in this one value; the client does not know which it has.

import type { KubeApi } from "../api/api.ts";

/** PEM texts. Without `ca` the system's certificate authorities count. */
export interface ClientTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** The name to be expected in the server's certificate instead of the one in the URL. */
  readonly serverName?: string;
  /** Only where a kubeconfig says insecure-skip-tls-verify. */
  readonly rejectUnauthorized?: boolean;
}

export interface Credentials {
  /** Header fields of every request; Authorization, Impersonate-*. */
  readonly headers: Readonly<Record<string, string>>;
  /** A client certificate that a credential plugin gave. */
  readonly tls?: Pick<ClientTls, "cert" | "key">;
}

/** What the client passes to fetch beside the URL. Bun's fetch takes `tls` and `proxy`, and times out idle bodies unless told. */
export interface ConnectionRequest extends RequestInit {
  readonly tls?: ClientTls;
  readonly proxy?: string;
  readonly timeout?: false;
}

export interface KubeConnection {
  /** Base URL without a slash at its end. */
  readonly server: string;
  /** Where objects go that name no namespace. */
  readonly namespace: string;
  readonly tls: ClientTls;
  readonly proxy?: string;
  /** The credentials of now; `rejected` after a 401, when cached ones must not be used again. */
  readonly credentials: (rejected: boolean) => Promise<Credentials>;
  readonly fetch: (url: string, request: ConnectionRequest) => Promise<Response>;
}

export const ANONYMOUS: Credentials = { headers: {} };

/** A server that asks for nothing, such as the embedded one. */
export function plainConnection(server: string): KubeConnection {
  return {
    server: server.replace(/\/+$/, ""),
    namespace: "default",
    tls: {},
    credentials: async () => ANONYMOUS,
    fetch: (url, request) => fetch(url, request),
  };
}

/** The embedded API of this process, without a socket. */
export function embeddedConnection(api: KubeApi): KubeConnection {
  return {
    ...plainConnection("http://embedded"),
    fetch: async (url, request) => abortable(await api.handle(new Request(url, request)), request.signal ?? undefined),
  };
}

/** What fetch does for a response from the network: an abort ends the body. */
function abortable(response: Response, signal: AbortSignal | undefined): Response {
  if (!response.body || !signal) return response;
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  // The rejection reaches the reader of the other end.
  response.body.pipeTo(writable, { signal }).catch(() => {});
  return new Response(readable, response);
}
