// The authority's doings under the names that Istio's dashboards ask for.

import type { SigningObserver } from "../ca/service.ts";
import {
  AUTHENTICATION_FAILURES,
  CSR_COUNT,
  CSR_PARSING_ERRORS,
  CSR_SIGN_ERRORS,
  ISSUED,
} from "../stats/names/authority.ts";
import type { Registry } from "../stats/registry.ts";

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
