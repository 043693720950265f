// Answers preflights, and tells browsers which origins may read a response (Envoy: CorsFilter; Fetch standard, 3.2).

import { getHeader, type HeaderList, joinHeader, setHeader } from "../../http/headers.ts";
import type { ResponseHead } from "../../http/stream.ts";
import * as names from "../../stats/names/filter.ts";
import type { CorsPolicy } from "../../table/filter/cors.ts";
import { isChosen } from "../../table/fraction.ts";
import { matchesString } from "../../table/string-match.ts";
import type { BoundFilter, FilterCount, FilteredRequest, Verdict } from "./filter.ts";

interface Permission {
  readonly policy: CorsPolicy;
  readonly origin: string;
}

function allowsOrigin({ allowOrigins }: CorsPolicy, origin: string): boolean {
  return allowOrigins.some((match) => matchesString(match, "*") || matchesString(match, origin));
}

function preflightHeaders(policy: CorsPolicy, request: HeaderList): HeaderList {
  const headers: HeaderList = [];
  if (policy.allowCredentials) headers.push("access-control-allow-credentials", "true");
  if (policy.allowMethods !== "") headers.push("access-control-allow-methods", policy.allowMethods);
  if (policy.allowHeaders !== "") headers.push("access-control-allow-headers", policy.allowHeaders);
  if (policy.maxAge !== "") headers.push("access-control-max-age", policy.maxAge);
  if (policy.allowPrivateNetwork && getHeader(request, "access-control-request-private-network") === "true")
    headers.push("access-control-allow-private-network", "true");
  return headers;
}

export class Cors implements BoundFilter {
  readonly name: string;
  readonly disabled: boolean;
  readonly stats = { originValid: 0, originInvalid: 0 };
  /** Of requests whose responses are to carry it. */
  readonly #permissions = new WeakMap<FilteredRequest, Permission>();

  constructor(name: string, disabled: boolean) {
    this.name = name;
    this.disabled = disabled;
  }

  onRequest(request: FilteredRequest): Verdict {
    const policy = request.routeFilters.get(this.name);
    if (policy?.kind !== "cors" || !isChosen(policy.enabled, Math.random())) return "continue";
    const { headers, method } = request.head;
    const origin = joinHeader(headers, "origin"); // of several no browser's: Envoy has them as one
    if (origin === undefined || origin === "") return "continue";
    const isPreflight = method === "OPTIONS" && (getHeader(headers, "access-control-request-method") ?? "") !== "";
    if (!allowsOrigin(policy, origin)) {
      this.stats.originInvalid++;
      if (!isPreflight || policy.forwardNotMatchingPreflights) return "continue";
      request.reply(200, "", "cors_response", undefined, preflightHeaders(policy, headers));
      return "answered";
    }
    this.stats.originValid++;
    this.#permissions.set(request, { policy, origin });
    if (!isPreflight) return "continue";
    request.reply(200, "", "cors_response", undefined, preflightHeaders(policy, headers));
    return "answered";
  }

  onResponse(request: FilteredRequest, { headers }: ResponseHead): "continue" {
    const permission = this.#permissions.get(request);
    if (!permission) return "continue";
    const { policy, origin } = permission;
    setHeader(headers, "access-control-allow-origin", origin);
    if (policy.allowCredentials) setHeader(headers, "access-control-allow-credentials", "true");
    if (policy.exposeHeaders !== "") setHeader(headers, "access-control-expose-headers", policy.exposeHeaders);
    return "continue";
  }

  counts(statPrefix: string): readonly FilterCount[] {
    return [
      { counter: names.CORS_VALID, labels: [statPrefix], value: this.stats.originValid },
      { counter: names.CORS_INVALID, labels: [statPrefix], value: this.stats.originInvalid },
    ];
  }
}
