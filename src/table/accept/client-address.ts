// How the client behind proxies is found (envoy.extensions.http.original_ip_detection).

import type { TypedExtensionConfig } from "../../xds/gen/envoy/config/core/v3/extension_pb.ts";
import type { HttpConnectionManager } from "../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { CustomHeaderConfigSchema } from "../../xds/gen/envoy/extensions/http/original_ip_detection/custom_header/v3/custom_header_pb.ts";
import { XffConfigSchema } from "../../xds/gen/envoy/extensions/http/original_ip_detection/xff/v3/xff_pb.ts";
import type { AddressDetection, ClientRules } from "../client-address.ts";
import { acceptCidr } from "./cidr.ts";
import { isA, type Scope } from "./scope.ts";

/** Envoy's toErrorCode: what is no error is Forbidden. */
function errorStatus(code: number): number {
  return code >= 400 && code <= 511 ? code : 403;
}

function acceptDetection(scope: Scope, { typedConfig }: TypedExtensionConfig): AddressDetection | undefined {
  if (typedConfig && isA(typedConfig, CustomHeaderConfigSchema)) {
    const config = scope.unpack(typedConfig, CustomHeaderConfigSchema);
    if (!config) return undefined;
    if (config.headerName === "") scope.field("header_name").reject("empty");
    const { headerName, allowExtensionToSetAddressAsTrusted: vouches, rejectWithStatus } = config;
    const rejection = rejectWithStatus && errorStatus(rejectWithStatus.code);
    return { kind: "header", name: headerName.toLowerCase(), vouches, rejection };
  }
  const config = scope.unpack(typedConfig, XffConfigSchema);
  if (!config) return undefined;
  const { xffNumTrustedHops: trustedHops, xffTrustedCidrs, skipXffAppend } = config;
  const appends = skipXffAppend === false;
  if (!xffTrustedCidrs) return { kind: "hops", trustedHops, appends };
  if (trustedHops > 0) scope.reject("xff_num_trusted_hops and xff_trusted_cidrs are both there");
  const at = scope.field("xff_trusted_cidrs").field("cidrs");
  const ranges = xffTrustedCidrs.cidrs.flatMap((range, i) => acceptCidr(at.index(i), range) ?? []);
  return { kind: "proxies", ranges, appends };
}

export function acceptClientRules(scope: Scope, manager: HttpConnectionManager): ClientRules {
  const {
    useRemoteAddress = false,
    xffNumTrustedHops: trustedHops,
    originalIpDetectionExtensions: extensions,
  } = manager;
  const at = scope.field("original_ip_detection_extensions");
  if (extensions.length === 0)
    return { useRemoteAddress, trustedHops, detections: [{ kind: "hops", trustedHops, appends: false }] };
  if (useRemoteAddress) at.reject("there beside use_remote_address");
  if (trustedHops > 0) at.reject("there beside xff_num_trusted_hops");
  const detections = extensions.flatMap(
    (extension, i) => acceptDetection(at.index(i).field("typed_config"), extension) ?? [],
  );
  return { useRemoteAddress, trustedHops, detections };
}
