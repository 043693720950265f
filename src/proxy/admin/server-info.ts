// envoy.admin.v3.ServerInfo: who this is, what it was started with, how long it has run.

import { logLevels } from "../../base/log.ts";
import { NodeSchema } from "../../xds/gen/envoy/config/core/v3/base_pb.ts";
import { json } from "./answer.ts";
import { plain, readBootstrap } from "./config-section.ts";
import { type AdminState, serverState } from "./state.ts";

/** The value of an argument of the process; "" without. */
function argument(name: string): string {
  const at = process.argv.indexOf(name);
  return at === -1 ? "" : (process.argv[at + 1] ?? "");
}

/** The options that Heddle's proxy has, under Envoy's names. */
function commandLine({ drainMs, workers }: AdminState): object {
  const levels = new Set(logLevels().values());
  return {
    concurrency: workers,
    config_path: argument("-c"),
    log_level: [...levels].join(","),
    drain_time: `${drainMs / 1_000}s`,
    mode: "Serve",
    disable_hot_restart: true,
  };
}

export function serverInfo(state: AdminState): Response {
  const uptime = `${Math.floor((performance.now() - state.startedAt) / 1_000)}s`;
  const { node } = readBootstrap(state);
  return json({
    version: `heddle/${state.version}/Clean/RELEASE/Bun-${Bun.version}`,
    state: serverState(state),
    uptime_current_epoch: uptime,
    uptime_all_epochs: uptime,
    hot_restart_version: "disabled",
    command_line_options: commandLine(state),
    ...(node ? { node: plain(NodeSchema, node) } : {}),
  });
}
