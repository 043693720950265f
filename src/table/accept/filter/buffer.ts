// envoy.extensions.filters.http.buffer.v3: Buffer and BufferPerRoute.

import type { Buffer, BufferPerRoute } from "../../../xds/gen/envoy/extensions/filters/http/buffer/v3/buffer_pb.ts";
import type { BufferFilter } from "../../filter/buffer.ts";
import type { RouteFilterTable } from "../../filter/filter.ts";
import type { Scope } from "../scope.ts";

export function acceptBuffer(scope: Scope, { maxRequestBytes = 0 }: Buffer): BufferFilter {
  if (maxRequestBytes === 0) scope.field("max_request_bytes").reject("must be at least 1");
  return { kind: "buffer", maxBytes: maxRequestBytes };
}

export function acceptBufferRoute(scope: Scope, { override: by }: BufferPerRoute): RouteFilterTable {
  switch (by.case) {
    case "buffer":
      return acceptBuffer(scope.field("buffer"), by.value);
    case "disabled":
      if (!by.value) scope.field("disabled").reject("must be true");
      return { kind: "disabled" };
    default:
      scope.reject("neither disabled nor buffer");
      return { kind: "disabled" };
  }
}
