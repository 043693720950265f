// The authority's doings under the names that Istio's dashboards ask for.

import type { SigningAuthority } from "../ca/authority.ts";
import type { SigningObserver } from "../ca/service.ts";
import {
  AUTHENTICATION_FAILURES,
  CHAIN_EXPIRY,
  CHAIN_EXPIRY_TIMESTAMP,
  CSR_COUNT,
  CSR_PARSING_ERRORS,
  CSR_SIGN_ERRORS,
  ISSUED,
  ROOT_EXPIRY,
  ROOT_EXPIRY_TIMESTAMP,
} from "../stats/names/authority.ts";
import type { Registry } from "../stats/registry.ts";

/** Expiries are asked at each scrape: roots rotate, and seconds pass. */
export function collectAuthority(registry: Registry, authority: () => SigningAuthority): void {
  const set = (definition: typeof ROOT_EXPIRY, value: number) => {
    const gauge = registry.gauge(definition);
    gauge.set(gauge.series([]), value);
  };
  registry.onCollect(() => {
    const { bundle, certificate, intermediates } = authority();
    const rootEndsMs = Math.min(...bundle.roots.map(({ notAfterMs }) => notAfterMs));
    const chainEndsMs = Math.min(...[certificate, ...intermediates].map(({ notAfterMs }) => notAfterMs));
    const nowMs = Date.now();
    set(ROOT_EXPIRY_TIMESTAMP, rootEndsMs / 1_000);
    set(ROOT_EXPIRY, (rootEndsMs - nowMs) / 1_000);
    set(CHAIN_EXPIRY_TIMESTAMP, chainEndsMs / 1_000);
    set(CHAIN_EXPIRY, (chainEndsMs - nowMs) / 1_000);
  });
}

export function authorityObserver(registry: Registry): SigningObserver {
  const requests = registry.counter(CSR_COUNT);
  const issued = registry.counter(ISSUED);
  const unreadable = registry.counter(CSR_PARSING_ERRORS);
  const unauthenticated = registry.counter(AUTHENTICATION_FAILURES);
  const failed = registry.counter(CSR_SIGN_ERRORS);
  return {
    requested: () => requests.increment(requests.series([])),
    signed: () => issued.increment(issued.series([])),
    refused(status) {
      if (status === "INVALID_ARGUMENT") unreadable.increment(unreadable.series([]));
      else if (status === "UNAUTHENTICATED" || status === "PERMISSION_DENIED")
        unauthenticated.increment(unauthenticated.series([]));
      else failed.increment(failed.series([status.toLowerCase()]));
    },
  };
}
