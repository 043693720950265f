import { json } from "./answer.ts";
import type { AdminState } from "./state.ts";

/** envoy.admin.v3.UnreadyTargetsDumps: the listeners that wait, each for its routes and secrets; empty when all serve. */
export function initDump({ configuration }: AdminState): Response {
  const dumps = configuration.listenerManager.warming.map(({ name, waitsFor }) => ({
    name: `init manager Listener-local-init-manager ${name}`,
    target_names: waitsFor,
  }));
  return json(dumps.length === 0 ? {} : { unready_targets_dumps: dumps });
}
