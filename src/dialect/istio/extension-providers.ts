// MeshConfig's `extensionProviders` → services that may be asked whether a request goes on, and those that are told of it.

import type { Authorizer, AuthorizerBody, HeaderPattern } from "../../model/authorizer.ts";
import type { TelemetryProvider } from "../../model/telemetry.ts";
import { isHeaderName } from "../formats.ts";
import { isObject } from "../object.ts";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import {
  type ExtensionProviderSpec,
  type GrpcAuthorizerSpec,
  type HttpAuthorizerSpec,
  PROVIDER_KINDS,
} from "./extension-provider-schema.ts";
import * as diagnostics from "./mesh-diagnostics.ts";
import { type ProviderReading, readProviderHost } from "./provider-host.ts";
import { readTelemetryProvider } from "./telemetry-providers.ts";

/** Istio's `timeout` of an authorizer. */
const TIMEOUT_MS = 600_000;

export interface ReadProviders {
  readonly authorizers: readonly Authorizer[];
  readonly told: readonly TelemetryProvider[];
}

export function readProviders(providers: readonly ExtensionProviderSpec[], reading: ProviderReading): ReadProviders {
  const { path, written, clusterDomain, reporter } = reading;
  const names = new Set<string>();
  const authorizers: Authorizer[] = [];
  const told: TelemetryProvider[] = [];
  providers.forEach((provider, i) => {
    const at = joinPath(path, i);
    const { name, envoyExtAuthzHttp: http, envoyExtAuthzGrpc: grpc } = provider;
    if (names.has(name)) reporter.report(joinPath(at, "name"), diagnostics.providerTwice(name));
    names.add(name);
    const own: unknown = Array.isArray(written) ? written[i] : undefined;
    const kinds = kindsOf(own);
    if (kinds.length === 0) reporter.report(at, diagnostics.providerOfNoKind(name, PROVIDER_KINDS));
    if (kinds.length > 1) reporter.report(at, diagnostics.providerOfSeveralKinds(name, kinds));
    const of = (kind: string) => new AuthorizerReader(name, joinPath(at, kind), clusterDomain, reporter);
    if (http) authorizers.push(of("envoyExtAuthzHttp").http(http));
    else if (grpc) authorizers.push(of("envoyExtAuthzGrpc").grpc(grpc));
    const [kind] = kinds;
    const teller = kind === undefined ? undefined : readTelemetryProvider(provider, kind, at, own, reading);
    if (teller) told.push(teller);
  });
  return { authorizers, told };
}

/** What a provider says it is; names may be in either form of protojson. */
function kindsOf(written: unknown): readonly string[] {
  if (!isObject(written)) return [];
  const names = Object.keys(written)
    .filter((name) => written[name] !== null && written[name] !== undefined)
    .map((name) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()));
  return PROVIDER_KINDS.filter((kind) => names.includes(kind));
}

class AuthorizerReader {
  readonly #name: string;
  readonly #path: string;
  readonly #clusterDomain: string;
  readonly #reporter: Reporter;

  constructor(name: string, path: string, clusterDomain: string, reporter: Reporter) {
    this.#name = name;
    this.#path = path;
    this.#clusterDomain = clusterDomain;
    this.#reporter = reporter;
  }

  grpc(spec: GrpcAuthorizerSpec): Authorizer {
    return { protocol: "grpc", ...this.#common(spec) };
  }

  http(spec: HttpAuthorizerSpec): Authorizer {
    const { pathPrefix = "", includeAdditionalHeadersInCheck: addedHeaders = {} } = spec;
    if (pathPrefix !== "" && !pathPrefix.startsWith("/"))
      this.#reporter.report(joinPath(this.#path, "pathPrefix"), diagnostics.badPathPrefix(pathPrefix));
    const requestHeaders = [
      ...this.#headers("includeHeadersInCheck", spec.includeHeadersInCheck),
      ...this.#headers("includeRequestHeadersInCheck", spec.includeRequestHeadersInCheck),
    ];
    return {
      protocol: "http",
      ...this.#common(spec),
      pathPrefix,
      requestHeaders,
      addedHeaders,
      toUpstreamOnAllow: this.#headers("headersToUpstreamOnAllow", spec.headersToUpstreamOnAllow),
      toClientOnDeny: this.#headers("headersToDownstreamOnDeny", spec.headersToDownstreamOnDeny),
      toClientOnAllow: this.#headers("headersToDownstreamOnAllow", spec.headersToDownstreamOnAllow),
    };
  }

  #common(spec: GrpcAuthorizerSpec) {
    return {
      name: this.#name,
      host: readProviderHost(spec.service, joinPath(this.#path, "service"), {
        clusterDomain: this.#clusterDomain,
        reporter: this.#reporter,
      }),
      port: spec.port,
      timeoutMs: spec.timeout ?? TIMEOUT_MS,
      failOpen: spec.failOpen ?? false,
      statusOnError: this.#status(spec.statusOnError),
      body: bodyOf(spec),
      clearRouteCache: spec.clearRouteCache ?? false,
    };
  }

  #status(text: string | undefined): number | undefined {
    if (text === undefined) return undefined;
    const status = /^\d{3}$/.test(text) ? Number(text) : 0;
    if (isEnvoyStatus(status)) return status;
    this.#reporter.report(joinPath(this.#path, "statusOnError"), diagnostics.badStatusOnError(text));
    return undefined;
  }

  #headers(field: string, patterns: readonly string[] = []): readonly HeaderPattern[] {
    patterns.forEach((pattern, i) => {
      const name = pattern === "*" ? "any" : pattern.replace(/^\*|\*$/, "");
      if (isHeaderName(name) && !name.includes("*")) return;
      this.#reporter.report(joinPath(joinPath(this.#path, field), i), diagnostics.badHeaderPattern(pattern));
    });
    return patterns;
  }
}

function bodyOf({ includeRequestBodyInCheck: body }: GrpcAuthorizerSpec): AuthorizerBody | undefined {
  if (!body) return undefined;
  const { maxRequestBytes, allowPartialMessage = false, packAsBytes = false } = body;
  return { maxBytes: maxRequestBytes, allowPartial: allowPartialMessage, asBytes: packAsBytes };
}

/** envoy.type.v3.StatusCode, which lists them; its validation refuses every other number. */
const ENVOY_STATUSES: readonly (readonly [first: number, last: number])[] = [
  [100, 100],
  [200, 208],
  [226, 226],
  [300, 305],
  [307, 308],
  [400, 417],
  [421, 424],
  [426, 426],
  [428, 429],
  [431, 431],
  [500, 508],
  [510, 511],
];

function isEnvoyStatus(status: number): boolean {
  return ENVOY_STATUSES.some(([first, last]) => status >= first && status <= last);
}
