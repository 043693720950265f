// References to the workload's certificate and the mesh's roots. The agent beside the proxy serves both by SDS: keys stay where they are used.

import { create } from "@bufbuild/protobuf";
import {
  ApiConfigSource_ApiType,
  ApiVersion,
  type ConfigSource,
  ConfigSourceSchema,
} from "../xds/gen/envoy/config/core/v3/config_source_pb.ts";
import {
  type SdsSecretConfig,
  SdsSecretConfigSchema,
} from "../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";
import { lazy } from "./lazy.ts";

/** Cluster of the bootstrap: the agent's Unix socket. */
const SDS_CLUSTER = "sds-grpc";

const sdsSource = lazy(
  (): ConfigSource =>
    create(ConfigSourceSchema, {
      resourceApiVersion: ApiVersion.V3,
      // No time-out: a listener without its certificate must not serve. Istio's bootstrap says the same.
      initialFetchTimeout: { seconds: 0n, nanos: 0 },
      configSourceSpecifier: {
        case: "apiConfigSource",
        value: {
          apiType: ApiConfigSource_ApiType.DELTA_GRPC,
          transportApiVersion: ApiVersion.V3,
          setNodeOnFirstMessageOnly: true,
          grpcServices: [{ targetSpecifier: { case: "envoyGrpc", value: { clusterName: SDS_CLUSTER } } }],
        },
      },
    }),
);

function secret(name: string): SdsSecretConfig {
  return create(SdsSecretConfigSchema, { name, sdsConfig: sdsSource() });
}

/** The workload's own certificate and key. */
export const workloadCertificate = lazy(() => secret("default"));

/** Roots of every trust domain that the mesh trusts. */
export const meshRoots = lazy(() => secret("ROOTCA"));
