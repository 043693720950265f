// The operator's word that this proxy is to be left alone by whoever balances over it.

import { OK } from "./answer.ts";
import type { AdminState } from "./state.ts";

export function failHealthChecks({ configuration }: AdminState): Response {
  configuration.healthCheckFailed = true;
  return OK();
}

export function passHealthChecks({ configuration }: AdminState): Response {
  configuration.healthCheckFailed = false;
  return OK();
}
