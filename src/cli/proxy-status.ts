// `heddle proxy-status`: which proxies run with the configuration that they should have, and whose certificate is how old.

import { type Command, Option } from "commander";
import type { ProxyConfig, ProxyStatus } from "../admin/api.ts";
import { formatDuration } from "../base/duration.ts";
import { stateOption } from "./api-client.ts";
import { dashboardOption, fetchState, type MeshOptions } from "./mesh-status.ts";
import { print, printError, renderTable, type Style, styleOf } from "./terminal.ts";

interface ProxyStatusOptions extends MeshOptions {
  readonly output: "table" | "wide" | "json";
}

export function define(command: Command): void {
  command
    .addOption(new Option("-o, --output <form>").choices(["table", "wide", "json"]).default("table"))
    .addOption(dashboardOption())
    .addOption(stateOption())
    .action((options: ProxyStatusOptions) => proxyStatus(options));
}

async function proxyStatus(options: ProxyStatusOptions): Promise<void> {
  const { proxies } = await fetchState(options);
  if (options.output === "json") return print(JSON.stringify(proxies, null, 2));
  if (proxies.length === 0) {
    await printError("no proxy has registered: `heddle run` starts a program with one beside it");
    return;
  }
  const style = styleOf(process.stdout);
  const isWide = options.output === "wide";
  const rows = proxies.map((proxy) => [...rowOf(proxy, style, Date.now()), ...(isWide ? costOf(proxy) : [])]);
  const columns = ["name", "namespace", "proxy", "config", "since", "certificate", "metrics"];
  await print(renderTable([...columns, ...(isWide ? COST_COLUMNS : [])], rows));
  for (const { name, config } of proxies) {
    if (config.state === "rejected") await print(`\n${style.red(name)} refused ${config.type}: ${config.message}`);
  }
}

const PAINT: Readonly<Record<ProxyConfig["state"], keyof Style>> = {
  synced: "green",
  pending: "yellow",
  rejected: "red",
  disconnected: "red",
};

function rowOf(proxy: ProxyStatus, style: Style, now: number): readonly string[] {
  const { config, certificate, metrics } = proxy;
  return [
    proxy.name,
    proxy.namespace,
    `${proxy.kind} ${proxy.proxyVersion}`,
    style[PAINT[config.state]](config.state.toUpperCase()),
    config.state === "synced" ? "-" : age(now - config.since),
    certificate ? `${certificate.spiffeId} ${validity(certificate.expiresAt - now)}` : "<none>",
    metrics.health === "down" ? style.red(`down: ${metrics.error}`) : metrics.health,
  ];
}

const COST_COLUMNS = ["connections", "pushes", "resources", "bytes", "unanswered", "acks", "nacks"];

/** What its stream cost the control plane. */
function costOf({ cost }: ProxyStatus): readonly string[] {
  if (!cost) return COST_COLUMNS.map(() => "-");
  const { connections, pushes, resources, bytes, unansweredBytes, acks, nacks } = cost;
  return [connections, pushes, resources, bytes, unansweredBytes, acks, nacks].map(String);
}

/** Whole seconds, from an hour on whole minutes. */
function age(ms: number): string {
  const unit = ms >= 3_600_000 ? 60_000 : 1_000;
  return formatDuration(Math.round(ms / unit) * unit);
}

function validity(leftMs: number): string {
  return leftMs > 0 ? `for ${age(leftMs)}` : `expired ${age(-leftMs)} ago`;
}
