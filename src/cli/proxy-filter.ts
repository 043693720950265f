// Which rows of `heddle proxy-config` are wanted, by istioctl's options.

import { type Command, InvalidArgumentError, Option } from "commander";
import { EXIT, Failure } from "../base/failure.ts";
import { nearest } from "../base/nearest.ts";
import { STATS_TYPES } from "./proxy-stats.ts";
import type { ProxyRow, ProxyTable } from "./proxy-table.ts";
import { port } from "./values.ts";

interface Look {
  readonly column: string;
  /** Of tables alone that have this column, too. */
  readonly beside?: string;
  /** All that the column may say. */
  readonly values?: readonly string[];
  readonly fits: (cell: string, value: string) => boolean;
}

const is = (cell: string, value: string): boolean => cell === value;
const has = (cell: string, value: string): boolean => cell.includes(value);
const portOf = (endpoint: string, value: string): boolean => endpoint.endsWith(`:${value}`);
const addressOf = (endpoint: string, value: string): boolean => endpoint.slice(0, endpoint.lastIndexOf(":")) === value;
const isHttp = (destination: string): boolean => /^(?:inline )?route:/.test(destination);
const typeOf = (destination: string, value: string): boolean =>
  value === "http" ? isHttp(destination) : value === "tcp" && !isHttp(destination);

/** envoy.config.core.v3.HealthStatus, and the sections of a dump of secrets. */
const HEALTH = ["HEALTHY", "UNHEALTHY", "DRAINING", "TIMEOUT", "DEGRADED", "UNKNOWN"];
const SECRET_STATES = ["ACTIVE", "WARMING"];

/** The columns that they look at, whichever tables have them. As in istioctl, a part of a host's name is enough. */
const FILTERS = {
  fqdn: [{ column: "service fqdn", fits: has }],
  port: [
    { column: "port", fits: is },
    { column: "endpoint", fits: portOf },
  ],
  subset: [{ column: "subset", fits: is }],
  direction: [{ column: "direction", fits: is }],
  address: [
    { column: "addresses", fits: is },
    { column: "endpoint", fits: addressOf },
  ],
  type: [{ column: "destination", fits: typeOf, values: ["HTTP", "TCP"] }],
  cluster: [{ column: "cluster", fits: is }],
  status: [
    { column: "status", beside: "endpoint", fits: is, values: HEALTH },
    { column: "status", beside: "resource name", fits: is, values: SECRET_STATES },
  ],
  name: [
    { column: "name", fits: is },
    { column: "resource name", fits: is },
    { column: "ecds name", fits: is },
  ],
} as const satisfies Readonly<Record<string, readonly Look[]>>;
type Filter = keyof typeof FILTERS;

export type FilterOptions = Partial<Readonly<Record<Filter, string>>>;

export function addFilters(command: Command): void {
  command
    .option("--fqdn <host>", "clusters of the service, or of those whose names have this in them")
    .option("--port <port>", "clusters, listeners, endpoints", (text) => String(port("--port")(text)))
    .option("--subset <name>", "clusters")
    .addOption(new Option("--direction <direction>", "clusters").choices(["inbound", "outbound"]))
    .option("--address <address>", "listeners, endpoints")
    .addOption(
      new Option("--type <type>", "listeners: HTTP, TCP; envoy-stats: server, clusters")
        .choices(["HTTP", "TCP", ...STATS_TYPES])
        .argParser(typeText),
    )
    .option("--cluster <name>", "endpoints of it")
    .option("--status <status>", `endpoints: ${HEALTH.join(", ")}; secrets: ${SECRET_STATES.join(", ")}`)
    .option("--name <name>", "route configurations, secrets, extensions");
}

function typeText(text: string): string {
  if (["http", "tcp", ...STATS_TYPES].includes(text.toLowerCase())) return text;
  throw new InvalidArgumentError(`Allowed choices are HTTP, TCP, ${STATS_TYPES.join(", ")}.`);
}

/** Throws a Failure where one of the options is no filter of these tables: rows that nobody looked at would pass for those that fit. */
export function filtered(tables: readonly ProxyTable[], options: FilterOptions): readonly ProxyTable[] {
  const wrong = givenIn(options).find((filter) => !tables.some((table) => looksAt(table, filter).length > 0));
  if (wrong) throw noFilter(tables, wrong);
  for (const filter of givenIn(options)) requireValue(tables, filter, options[filter]!);
  return tables.map((table) => ({ columns: table.columns, rows: table.rows.filter(fitting(table, options)) }));
}

export function givenIn(options: FilterOptions): readonly Filter[] {
  return filters().filter((filter) => options[filter] !== undefined);
}

/** As they were written, for people. */
export function filterText(options: FilterOptions): string {
  return givenIn(options)
    .map((filter) => `--${filter} ${options[filter]}`)
    .join(" ");
}

function filters(): readonly Filter[] {
  return Object.keys(FILTERS) as Filter[];
}

function looksAt({ columns }: ProxyTable, filter: Filter): readonly (Look & { readonly index: number })[] {
  return FILTERS[filter]
    .map((look: Look) => ({ ...look, index: columns.indexOf(look.column) }))
    .filter(({ index, beside }) => index >= 0 && (beside === undefined || columns.includes(beside)));
}

/** A word that no row can have would pass for one that none has. */
function requireValue(tables: readonly ProxyTable[], filter: Filter, value: string): void {
  const looks = tables.flatMap((table) => looksAt(table, filter));
  const known = [...new Set(looks.flatMap(({ values = [] }) => values))];
  if (looks.some(({ values }) => values === undefined) || known.includes(value.toUpperCase())) return;
  const near = nearest(value.toUpperCase(), known);
  throw new Failure(`--${filter} is none of ${known.join(", ")}: ${JSON.stringify(value)}`, {
    hint: `--${filter} ${near ?? known[0]}`,
    exit: EXIT.usage,
  });
}

/** Of several tables, a filter that no column of one answers to leaves that one as it is. */
function fitting(table: ProxyTable, options: FilterOptions): (row: ProxyRow) => boolean {
  const wanted = givenIn(options).flatMap((filter) =>
    looksAt(table, filter).map((look) => ({ ...look, value: options[filter]!.toLowerCase() })),
  );
  return ({ cells }) => wanted.every(({ index, fits, value }) => fits(cells[index]?.toLowerCase() ?? "", value));
}

function noFilter(tables: readonly ProxyTable[], wrong: Filter): Failure {
  const right = filters().filter((filter) => tables.some((table) => looksAt(table, filter).length > 0));
  return new Failure(`--${wrong} chooses nothing of this type`, {
    hint: right.length > 0 ? right.map((filter) => `--${filter}`).join(", ") : "the command without it",
    exit: EXIT.usage,
  });
}
