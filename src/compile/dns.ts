// The DNS cache of the forward proxy. Its filter and its cluster must name one cache with equal settings, or Envoy refuses both.

import { create } from "@bufbuild/protobuf";
import { Cluster_DnsLookupFamily } from "../xds/gen/envoy/config/cluster/v3/cluster_pb.ts";
import {
  type DnsCacheConfig,
  DnsCacheConfigSchema,
} from "../xds/gen/envoy/extensions/common/dynamic_forward_proxy/v3/dns_cache_pb.ts";
import { lazy } from "./lazy.ts";

export const dnsCache = lazy(
  (): DnsCacheConfig =>
    create(DnsCacheConfigSchema, { name: "heddle", dnsLookupFamily: Cluster_DnsLookupFamily.V4_PREFERRED }),
);
