// What a client of a control plane lets a connection cost.

import { DEFAULT_LIMITS, type HttpLimits } from "../http/limits.ts";
import { DEFAULT_KEEPALIVE } from "./listen.ts";

/**
 * SETTINGS have as long as a peer that vanished has to be noticed. While a thousand proxies get their first configuration, the control plane
 * comes round to each of them once in seconds, in 10 and more where the machine is starved; who gave up then would make it shake hands anew.
 * A discovery stream may be silent for hours: it is not idle.
 */
export const CLIENT_LIMITS: HttpLimits = {
  ...DEFAULT_LIMITS,
  headTimeoutMs: DEFAULT_KEEPALIVE.keepaliveIntervalMs + DEFAULT_KEEPALIVE.keepaliveTimeoutMs,
  idleTimeoutMs: 0,
};
