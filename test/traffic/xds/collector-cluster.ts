// A cluster of who is told of the traffic: on the port of the case's own, without TLS whatever the leg is.

import type { ClusterParts } from "./configuration.ts";
import { httpOptions, type Message, merge, socketAddress, type UpstreamHttp } from "./message.ts";

const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** Over what the leg gives every cluster. */
export function collectorCluster(port: number, protocol: UpstreamHttp): ClusterParts {
  const none = { http_protocol_options: null, http2_protocol_options: null };
  const options = httpOptions(protocol)[HTTP_OPTIONS] as Message;
  const own = merge({ explicit_http_config: none }, options);
  return {
    endpoints: [{ to: port, fields: { endpoint: { address: socketAddress(port) } } }],
    fields: {
      typed_extension_protocol_options: { [HTTP_OPTIONS]: own },
      transport_socket: null,
      transport_socket_matches: null,
    },
  };
}
