// The connection between two sidecars: TLS 1.3, mutual, named by SPIFFE, its chain found by ALPN and SNI.

import { serverName, spiffe } from "../identity.ts";
import type { Message } from "./parts.ts";

const TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3";
const INPUTS = "type.googleapis.com/envoy.extensions.matching.common_inputs.network.v3";

const PARAMETERS: Message = { tls_minimum_protocol_version: "TLSv1_3", tls_maximum_protocol_version: "TLSv1_3" };

/** The secrets `default` and `ROOTCA` of `account`, from files in `folder`. */
export function secrets(folder: string, account: string): readonly Message[] {
  return [
    {
      name: "default",
      tls_certificate: {
        certificate_chain: { filename: `${folder}/${account}.crt` },
        private_key: { filename: `${folder}/${account}.key` },
      },
    },
    { name: "ROOTCA", validation_context: { trusted_ca: { filename: `${folder}/root.crt` } } },
  ];
}

/** The client's end: no ALPN of its own, so that Envoy offers that of its codec, and nothing for byte streams. */
export function legClient(port: number): { readonly socket: Message; readonly endpointMetadata: Message } {
  return {
    socket: {
      name: "envoy.transport_sockets.tls",
      typed_config: {
        "@type": `${TLS}.UpstreamTlsContext`,
        sni: serverName(port),
        common_tls_context: {
          tls_params: PARAMETERS,
          tls_certificate_sds_secret_configs: [{ name: "default" }],
          combined_validation_context: {
            default_validation_context: {
              match_typed_subject_alt_names: [{ san_type: "URI", matcher: { exact: spiffe("golden-signal") } }],
            },
            validation_context_sds_secret_config: { name: "ROOTCA" },
          },
        },
      },
    },
    endpointMetadata: {
      filter_metadata: {
        "envoy.transport_socket_match": { leg: "mesh" },
        istio: { workload: "golden-signal-v1;default;golden-signal;v1;Kubernetes" },
      },
    },
  };
}

/** The server's end, as the chain's transport socket. */
export function legServer(alpn: readonly string[]): Message {
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": `${TLS}.DownstreamTlsContext`,
      require_client_certificate: true,
      common_tls_context: {
        tls_params: PARAMETERS,
        ...(alpn.length > 0 ? { alpn_protocols: alpn } : {}),
        tls_certificate_sds_secret_configs: [{ name: "default" }],
        validation_context_sds_secret_config: { name: "ROOTCA" },
      },
    },
  };
}

function bySni(port: number, chain: string): Message {
  return {
    matcher_tree: {
      input: { name: "sni", typed_config: { "@type": `${INPUTS}.ServerNameInput` } },
      exact_match_map: {
        map: {
          [serverName(port)]: {
            action: {
              name: chain,
              typed_config: { "@type": "type.googleapis.com/google.protobuf.StringValue", value: chain },
            },
          },
        },
      },
    },
  };
}

/** What a listener needs besides its chain: the client's first bytes are read, then ALPN (HTTP) or its absence (bytes) and SNI decide. */
export function legListener(port: number, chain: string, carries: "http" | "tcp"): Message {
  const matcher = bySni(port, chain);
  const alpn = { name: "alpn", typed_config: { "@type": `${INPUTS}.ApplicationProtocolInput` } };
  return {
    listener_filters: [
      {
        name: "envoy.filters.listener.tls_inspector",
        typed_config: {
          "@type": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
        },
      },
    ],
    filter_chain_matcher:
      carries === "tcp"
        ? matcher
        : {
            matcher_tree: {
              input: alpn,
              exact_match_map: {
                map: { "'h2'": { matcher }, "'http/1.1'": { matcher }, "'h2','http/1.1'": { matcher } },
              },
            },
          },
  };
}
