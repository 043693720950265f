// Statistics as lines of statsd, by UDP (Envoy: UdpStatsdSink). Counters are what came since the last flush; distributions have no form here
// that is not a line for each value, and are left out.

import { logger } from "../../base/log.ts";
import type { StatsdSink as StatsdConfig } from "../../xds/gen/envoy/config/metrics/v3/stats_pb.ts";
import type { Stat } from "../admin/stat.ts";

const log = logger("proxy");

/** Of a datagram that no link on the way cuts up. */
const MAX_BYTES = 1_400;
/** Envoy's. */
const DEFAULT_PREFIX = "envoy";

/** Datagrams of whole lines. `told`: counters as they were told last, by name. */
export function statsdDatagrams(
  stats: readonly Stat[],
  prefix: string,
  told: Map<string, number>,
  maxBytes = MAX_BYTES,
): readonly string[] {
  const datagrams: string[] = [];
  let lines = "";
  for (const stat of stats) {
    const line = lineOf(stat, prefix, told);
    if (line === undefined) continue;
    if (lines !== "" && Buffer.byteLength(lines) + 1 + Buffer.byteLength(line) > maxBytes) {
      datagrams.push(lines);
      lines = "";
    }
    lines = lines === "" ? line : `${lines}\n${line}`;
  }
  if (lines !== "") datagrams.push(lines);
  return datagrams;
}

/** Undefined: there is nothing to say. */
function lineOf(stat: Stat, prefix: string, told: Map<string, number>): string | undefined {
  // A colon ends a name.
  const name = `${prefix}.${stat.name.replaceAll(":", "_").replaceAll("\n", "_")}`;
  if (stat.kind === "gauge") return `${name}:${stat.value}|g`;
  if (stat.kind !== "counter") return undefined;
  const delta = stat.value - (told.get(stat.name) ?? 0);
  told.set(stat.name, stat.value);
  return delta === 0 ? undefined : `${name}:${delta}|c`;
}

export class StatsdSink {
  readonly #prefix: string;
  readonly #host: string;
  readonly #port: number;
  readonly #told = new Map<string, number>();
  #socket: Bun.udp.Socket<"buffer"> | undefined;
  #isClosed = false;

  constructor(prefix: string, host: string, port: number) {
    this.#prefix = prefix;
    this.#host = host;
    this.#port = port;
    const socket = { error() {} }; // nobody listens there at the moment
    Bun.udpSocket({ socket }).then(
      (opened) => {
        if (this.#isClosed) opened.close();
        else this.#socket = opened;
      },
      (error) => log.warn("statistics are not sent to statsd", { error }),
    );
  }

  tell(stats: readonly Stat[]): void {
    if (!this.#socket) return;
    for (const datagram of statsdDatagrams(stats, this.#prefix, this.#told))
      this.#socket.send(datagram, this.#port, this.#host);
  }

  close(): void {
    this.#isClosed = true;
    this.#socket?.close();
  }
}

/** Undefined: its address is no port of an IP address. */
export function statsdSink({ prefix, statsdSpecifier }: StatsdConfig): StatsdSink | undefined {
  const at = statsdSpecifier.case === "address" ? statsdSpecifier.value.address : undefined;
  if (at?.case !== "socketAddress" || at.value.portSpecifier.case !== "portValue") return undefined;
  return new StatsdSink(prefix || DEFAULT_PREFIX, at.value.address, at.value.portSpecifier.value);
}
