// Response flags as fields of an entry (Envoy: Utility::responseFlagsToAccessLogResponseFlags).

import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type ResponseFlagsSchema,
  ResponseFlags_Unauthorized_Reason as UnauthorizedReason,
} from "../../xds/gen/envoy/data/accesslog/v3/accesslog_pb.ts";
import { NO_FLAGS } from "../response-flags.ts";

type Flags = MessageInitShape<typeof ResponseFlagsSchema>;

const FIELDS: Readonly<Record<string, Flags>> = {
  LH: { failedLocalHealthcheck: true },
  UH: { noHealthyUpstream: true },
  UT: { upstreamRequestTimeout: true },
  LR: { localReset: true },
  UR: { upstreamRemoteReset: true },
  UF: { upstreamConnectionFailure: true },
  UC: { upstreamConnectionTermination: true },
  UO: { upstreamOverflow: true },
  NR: { noRouteFound: true },
  DI: { delayInjected: true },
  FI: { faultInjected: true },
  RL: { rateLimited: true },
  UAEX: { unauthorizedDetails: { reason: UnauthorizedReason.EXTERNAL_SERVICE } },
  RLSE: { rateLimitServiceError: true },
  DC: { downstreamConnectionTermination: true },
  URX: { upstreamRetryLimitExceeded: true },
  SI: { streamIdleTimeout: true },
  IH: { invalidEnvoyRequestHeaders: true },
  DPE: { downstreamProtocolError: true },
  UMSDR: { upstreamMaxStreamDurationReached: true },
  NFCF: { noFilterConfigFound: true },
  DT: { durationTimeout: true },
  UPE: { upstreamProtocolError: true },
  NC: { noClusterFound: true },
  OM: { overloadManager: true },
  DF: { dnsResolutionFailure: true },
  DR: { downstreamRemoteReset: true },
};

/** `flags`: as in a line. Undefined without any. */
export function entryFlags(flags: string): Flags | undefined {
  if (flags === NO_FLAGS) return undefined;
  const fields = flags.split(",").map((flag) => FIELDS[flag] ?? {});
  return Object.assign({}, ...fields) as Flags;
}
