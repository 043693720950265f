// An external authorizer: a service that is asked whether a request may go on.

/** Envoy's BufferSettings: how much of the body the authorizer sees. */
export interface AuthorizerBody {
  readonly maxBytes: number;
  readonly allowPartial: boolean;
  readonly asBytes: boolean;
}

interface Common {
  readonly name: string;
  /** Fully qualified. */
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
  /** Whether requests go on when it does not answer. */
  readonly failOpen: boolean;
  /** Of the refusal when it does not answer; Envoy's 403 when undefined. */
  readonly statusOnError?: number | undefined;
  readonly body?: AuthorizerBody | undefined;
  readonly clearRouteCache: boolean;
}

/** Names of headers: exact, `prefix*`, `*suffix` or `*`, in any case. */
export type HeaderPattern = string;

export type Authorizer =
  | (Common & { readonly protocol: "grpc" })
  | (Common & {
      readonly protocol: "http";
      readonly pathPrefix: string;
      /** Beside Host, Method, Path and Content-Length. */
      readonly requestHeaders: readonly HeaderPattern[];
      readonly addedHeaders: Readonly<Record<string, string>>;
      readonly toUpstreamOnAllow: readonly HeaderPattern[];
      readonly toClientOnDeny: readonly HeaderPattern[];
      readonly toClientOnAllow: readonly HeaderPattern[];
    });
