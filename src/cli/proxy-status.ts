// `heddle proxy-status`: which proxies run with the configuration that they should have, in istioctl's columns, and whose certificate is how old.

import { type Command, Option } from "commander";
import { stringify } from "yaml";
import type { ProxyConfig, ProxyStatus, State } from "../admin/api.ts";
import { formatDuration } from "../base/duration.ts";
import { EXIT } from "../base/failure.ts";
import { adminOption } from "./admin-option.ts";
import { namespaceOption, stateOption } from "./api-client.ts";
import { dashboardOption, fetchState } from "./mesh-status.ts";
import type { DifferenceOptions } from "./proxy-difference.ts";
import { print, printError, renderTable, type Style, styleOf } from "./terminal.ts";

const OUTPUTS = ["table", "wide", "json", "yaml"] as const;

interface ProxyStatusOptions extends DifferenceOptions {
  readonly output: (typeof OUTPUTS)[number];
  readonly verbosity?: "0" | "1";
}

export function define(command: Command): void {
  command
    .argument("[proxy]", "compare what it runs with what it is to have: NAME, NAMESPACE/NAME or NAME.NAMESPACE")
    .addOption(adminOption("that proxy's admin interface, HOST:PORT, where it was not started here"))
    .option("-f, --file <file>", "a dump in that proxy's place (/config_dump?include_eds), - for standard input")
    .addOption(namespaceOption())
    .addOption(new Option("-o, --output <form>").choices(OUTPUTS).default("table"))
    .addOption(new Option("-v, --verbosity <level>", "istioctl's: 1 is the same as -o wide").choices(["0", "1"]))
    .addOption(dashboardOption())
    .addOption(stateOption())
    .addHelpText("after", HELP)
    .action((proxy: string | undefined, options: ProxyStatusOptions) => proxyStatus(proxy, options));
}

const HELP = `
SYNCED: acknowledged; STALE: sent or about to be, and not acknowledged; ERROR: refused; NOT SENT: there is nothing of the type;
IGNORED: the proxy did not ask for it. Secrets are not compared. Exit code 79 when a proxy that is compared runs something else.
Examples: heddle ps; heddle ps -o wide; heddle ps web-1.shop; heddle ps -f dump.json`;

async function proxyStatus(name: string | undefined, options: ProxyStatusOptions): Promise<void> {
  const state = await fetchState(options);
  if (name !== undefined || options.admin !== undefined || options.file !== undefined)
    return compare(state, name, options);
  const { proxies, mesh } = state;
  if (options.output === "json") return print(JSON.stringify(proxies, null, 2));
  if (options.output === "yaml") return print(stringify(proxies, { aliasDuplicateObjects: false }).trimEnd());
  if (proxies.length === 0) {
    await printError("no proxy has registered: `heddle run` starts a program with one beside it");
    return;
  }
  const style = styleOf(process.stdout);
  const isWide = options.output === "wide" || options.verbosity === "1";
  const now = Date.now();
  const rows = proxies.map((proxy) => [
    ...rowOf(proxy, mesh, style, now),
    ...(isWide ? [...typesOf(proxy), ...healthOf(proxy, style, now), ...costOf(proxy)] : []),
  ]);
  const columns = ["name", "cluster", "istiod", "version", "subscribed types", "config", "since"];
  const more = [...TYPE_COLUMNS, "certificate", "metrics", ...COST_COLUMNS];
  await print(renderTable([...columns, ...(isWide ? more : [])], rows));
  for (const { name, config } of proxies) {
    if (config.state === "rejected") await print(`\n${style.red(name)} refused ${config.type}: ${config.message}`);
  }
}

async function compare(state: State, name: string | undefined, options: ProxyStatusOptions): Promise<void> {
  // With all messages of xDS, which the table of all proxies does without.
  const { differencesText, proxyDifferences } = await import("./proxy-difference.ts");
  const { kinds } = await proxyDifferences(state, name, options);
  if (kinds.some(({ differences }) => differences.length > 0)) process.exitCode = EXIT.findings;
  if (options.output === "json") return print(JSON.stringify(kinds, null, 2));
  if (options.output === "yaml") return print(stringify(kinds, { lineWidth: 0 }).trimEnd());
  await print(differencesText(kinds, styleOf(process.stdout)));
}

/** Istio's first, which Heddle's proxies have, then the others. ECDS is not served. */
const TYPE_COLUMNS = ["cds", "lds", "eds", "rds", "ecds", "vhds", "sds", "nds"];

function typesOf({ types }: ProxyStatus): readonly string[] {
  return TYPE_COLUMNS.map((kind) => types[kind] ?? "IGNORED");
}

/** `4 (CDS,LDS,EDS,RDS)`. */
function subscribedText({ types }: ProxyStatus): string {
  const asked = TYPE_COLUMNS.filter((kind) => (types[kind] ?? "IGNORED") !== "IGNORED");
  return `${asked.length}${asked.length > 0 ? ` (${asked.join(",").toUpperCase()})` : ""}`;
}

const PAINT: Readonly<Record<ProxyConfig["state"], keyof Style>> = {
  synced: "green",
  pending: "yellow",
  rejected: "red",
  disconnected: "red",
};

function rowOf(proxy: ProxyStatus, mesh: State["mesh"], style: Style, now: number): readonly string[] {
  const { name, namespace, cluster, kind, proxyVersion, config } = proxy;
  return [
    `${name}.${namespace}`,
    cluster,
    config.state === "disconnected" ? "-" : mesh.controlPlane,
    `${kind} ${proxyVersion}`,
    subscribedText(proxy),
    style[PAINT[config.state]](config.state.toUpperCase()),
    config.state === "synced" ? "-" : age(now - config.since),
  ];
}

function healthOf({ certificate, metrics }: ProxyStatus, style: Style, now: number): readonly string[] {
  return [
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
