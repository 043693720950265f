// ALPN between sidecars of Istio. It is no more than a word by which a PERMISSIVE server tells mutual TLS of the mesh, and what is inside of it, from
// TLS that the application itself is to end (pilot's filterchain_options.go).

import { create } from "@bufbuild/protobuf";
import { packAny } from "../xds/any.ts";
import { type Filter, FilterSchema } from "../xds/gen/envoy/config/listener/v3/listener_components_pb.ts";
import { ConfigSchema } from "../xds/gen/envoy/extensions/filters/network/set_filter_state/v3/set_filter_state_pb.ts";
import { lazy } from "./lazy.ts";
import type { UpstreamProtocol } from "./protocol.ts";

export const ISTIO_HTTP1 = ["istio-http/1.0", "istio-http/1.1"];
export const ISTIO_HTTP2 = ["istio-h2"];
export const ISTIO_BYTES = ["istio", "istio-peer-exchange"];

/**
 * What Istio's clients offer for requests: what its alpn filter makes of a cluster's list, by the client's protocol, and the list of a cluster of
 * HTTP/2 where no filter speaks. The last two of HTTP/1 are older versions'; their list of HTTP/2 had nothing that a codec goes by.
 */
export const ISTIO_HTTP1_LISTS = [
  ["istio-http/1.1", "istio", "http/1.1"],
  ["istio-http/1.0", "istio", "http/1.0"],
  ["istio-http/1.1", "istio"],
  ["istio-http/1.0", "istio"],
];
export const ISTIO_HTTP2_LISTS = [
  ["istio-h2", "istio", "h2"],
  ["istio-peer-exchange", "istio", "h2"],
  ["istio", "h2"],
];

/** Not istio-peer-exchange: where both ends agree on it, each begins with its metadata, and the application's bytes come behind. */
export const BYTES_OFFER = ["istio"];

/**
 * What a client offers to a server that Istio's own sidecar guards, by what its cluster speaks: the lists of Istio's alpn filter. One context
 * serves requests of either version where the client's own is kept: there nothing is offered that the server would agree to, so that it goes by
 * the first bytes.
 */
const OFFERS: Readonly<Record<NonNullable<UpstreamProtocol>, readonly string[]>> = {
  http1: ["istio-http/1.1", "istio", "http/1.1"],
  http2: ["istio-h2", "istio", "h2"],
  downstream: ["istio-http/1.1", "istio-h2", "istio"],
};

export function istioOffer(protocol: UpstreamProtocol): readonly string[] {
  return protocol === undefined ? BYTES_OFFER : OFFERS[protocol];
}

/** Bytes of this chain go to a cluster that offers what requests have; it is Envoy's well-known object that takes the place of a cluster's list. */
export const offersBytes = lazy((): Filter => {
  const config = create(ConfigSchema, {
    onNewConnection: [
      {
        key: { case: "objectKey", value: "envoy.network.application_protocols" },
        value: {
          case: "formatString",
          value: {
            format: {
              case: "textFormatSource",
              value: { specifier: { case: "inlineString", value: BYTES_OFFER.join(",") } },
            },
          },
        },
      },
    ],
  });
  return create(FilterSchema, {
    name: "envoy.filters.network.set_filter_state",
    configType: { case: "typedConfig", value: packAny(ConfigSchema, config) },
  });
});
