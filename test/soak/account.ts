// The account: what the clients saw, what the applications saw, what the logs say and what the metrics say, held against each other. Pure.

import type { LoadReport, OutageSpan, Outcome, Served, Sighting } from "./load/told.ts";
import type { LogLine } from "./log-lines.ts";
import type { Metrics } from "./metrics.ts";

/** What one proxy says of itself. */
export interface Told {
  /** Of the listener that comes and goes, which counts anew when it comes. */
  readonly visitors: readonly LogLine[];
  readonly http: readonly LogLine[];
  readonly bytes: readonly LogLine[];
  readonly metrics: Metrics;
}

/** When, in milliseconds since 1970. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface Books {
  /** When listeners of the servers' side were replaced, which closes the connections that are idle. */
  readonly drains: readonly Span[];
  readonly load: LoadReport;
  readonly client: Told;
  readonly servers: Readonly<Record<string, Told>>;
}

/** A difference that nothing explains. */
export interface Finding {
  readonly rule: string;
  readonly detail: string;
}

export interface Account {
  /** How many there were of what, in the order of the table. */
  readonly entries: readonly (readonly [what: string, count: number])[];
  readonly findings: readonly Finding[];
}

/** A connection of an outage may tell of it only when a body that was under way is over. */
const OUTAGE_ECHO_MS = 1_500;
const NONE = "-";

function groups<T>(all: readonly T[], keyOf: (one: T) => string): Map<string, T[]> {
  const found = new Map<string, T[]>();
  for (const one of all) {
    const known = found.get(keyOf(one));
    if (known) known.push(one);
    else found.set(keyOf(one), [one]);
  }
  return found;
}

const isFailure = ({ end }: Outcome): boolean => end === "answered" || end === "cut" || end === "unanswered";
/** Bytes with no frame but their connection: the proxy that met the reset has the flag, and its peer sees an end. */
const isTunnel = ({ protocol }: Outcome): boolean => protocol === "websocket";
const isBytes = ({ protocol }: Outcome): boolean => protocol === "bytes";

class Auditor {
  readonly #books: Books;
  readonly #counts = new Map<string, number>();
  readonly #findings: Finding[] = [];
  readonly #sightings: ReadonlyMap<string, Sighting>;
  readonly #lines: ReadonlyMap<string, readonly LogLine[]>;
  readonly #serverLines: ReadonlyMap<string, readonly LogLine[]>;

  constructor(books: Books) {
    this.#books = books;
    this.#sightings = new Map(books.load.sightings.map((sighting) => [sighting.id, sighting]));
    this.#lines = groups([...books.client.http, ...books.client.visitors], ({ id }) => id);
    const servers = Object.values(books.servers).flatMap(({ http }) => http);
    this.#serverLines = groups(servers, ({ id }) => id);
  }

  audit(): Account {
    const { outcomes } = this.#books.load;
    this.#count("exchanges", outcomes.length);
    for (const outcome of outcomes) this.#outcome(outcome);
    for (const [id, sighting] of this.#sightings)
      if (sighting.fault !== undefined) this.#find("corrupted on the way up", `${id}: ${sighting.fault}`);
    this.#strangers();
    this.#byteStreams();
    this.#metrics();
    return { entries: [...this.#counts], findings: this.#findings };
  }

  #count(what: string, by = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + by);
  }

  #find(rule: string, detail: string): void {
    this.#findings.push({ rule, detail });
  }

  // ── each exchange ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #outcome(outcome: Outcome): void {
    this.#count(`  ended ${outcome.end}`);
    if (outcome.fault !== undefined) this.#find("corrupted on the way down", `${outcome.id}: ${outcome.fault}`);
    if (outcome.end === "hung") this.#find("hung", this.#describe(outcome));
    this.#duplicates(outcome);
    if (isFailure(outcome)) this.#cause(outcome);
    if (isBytes(outcome)) return;
    if (outcome.end === "cut" && outcome.detail === "clean" && !isTunnel(outcome))
      this.#find("a cut answer that looks whole", this.#describe(outcome));
    this.#line(outcome);
  }

  #describe(outcome: Outcome): string {
    const { id, end, status, method, protocol, detail, received, planned, reused } = outcome;
    const seen = this.#sightings.get(id);
    const line = (one: LogLine) => `${one.code} ${one.flags} ${one.details} attempts ${one.attempts} ${one.failure}`;
    const lines = (this.#lines.get(id) ?? []).map(line).join(" | ");
    const servers = (this.#serverLines.get(id) ?? []).map(line).join(" | ");
    const client = `${new Date(outcome.endedAt).toISOString()} ${id} ${protocol} ${method} ${end} ${status} ${detail} received ${received} planned ${planned} reused ${reused}`;
    return `${client}; seen ${seen?.seen ?? 0}, whole ${seen?.whole ?? 0}, reset ${seen?.resets ?? 0}; log: ${lines}; servers: ${servers}`;
  }

  #duplicates(outcome: Outcome): void {
    const seen = this.#sightings.get(outcome.id)?.seen ?? 0;
    if (outcome.end === "whole" && seen === 0) this.#find("answered by nobody", this.#describe(outcome));
    if (seen <= 1) return;
    const attempts = Math.max(0, ...(this.#lines.get(outcome.id) ?? []).map(({ attempts }) => Number(attempts)));
    if (outcome.method !== "GET" || seen > attempts) this.#find("duplicated", this.#describe(outcome));
    else this.#count("seen again by a retry that was allowed");
  }

  /** What was lost was reset, or its application had gone. */
  #cause(outcome: Outcome): void {
    const sighting = this.#sightings.get(outcome.id);
    const isOut = this.#books.load.outages.some((outage) => this.#concerns(outage, outcome));
    if (outcome.end === "unanswered" && this.#isCloseRace(outcome)) return;
    if ((sighting?.resets ?? 0) > 0 && !(outcome.method === "GET" && outcome.resetFirst)) {
      this.#count("lost by a reset of the application's");
      return;
    }
    if (isOut) this.#count("lost by an outage");
    else if (this.#metDrain(outcome)) this.#count("sent on a connection that the peer's proxy was closing");
    else this.#find("lost without a cause", this.#describe(outcome));
  }

  #concerns({ served, from, to }: OutageSpan, { protocol, endedAt }: Outcome): boolean {
    const needed: Served = protocol === "bytes" ? "bytes" : protocol.startsWith("grpc") ? "grpc" : "http";
    return served === needed && endedAt >= from && endedAt <= to + OUTAGE_ECHO_MS;
  }

  /**
   * The proxy closed an idle connection (its listener went or changed) while the client's next request was on the way: RFC 9112 9.3.1.
   * Nobody saw that request, and the client may send it again.
   */
  #isCloseRace({ id, reused, end }: Outcome): boolean {
    return end === "unanswered" && reused && !this.#lines.has(id) && !this.#sightings.has(id);
  }

  /** The same race on the leg: seen by nobody, but the client's proxy cannot know, and POST is not sent again. */
  #metDrain({ id, endedAt, method }: Outcome): boolean {
    const flags = this.#lines.get(id)?.[0]?.flags;
    const isUnseen = !this.#sightings.has(id) && !this.#serverLines.has(id);
    const isDraining = this.#books.drains.some(({ from, to }) => endedAt >= from && endedAt <= to + OUTAGE_ECHO_MS);
    return method === "POST" && flags === "UC" && isUnseen && isDraining;
  }

  #line(outcome: Outcome): void {
    const lines = this.#lines.get(outcome.id) ?? [];
    const [line] = lines;
    if (lines.length > 1) this.#find("several lines of one request", this.#describe(outcome));
    if (line) this.#agree(outcome, line);
    else if (outcome.end === "refused" && !this.#sightings.has(outcome.id)) this.#count("never reached the proxy");
    else if (outcome.end === "gave-up" && !this.#sightings.has(outcome.id)) this.#count("given up before it was read");
    else if (this.#isCloseRace(outcome)) this.#count("met an idle connection that was being closed");
    else this.#find("no line in the access log", this.#describe(outcome));
  }

  #agree(outcome: Outcome, line: LogLine): void {
    const flagged =
      line.flags !== NONE || (this.#serverLines.get(outcome.id) ?? []).some(({ flags }) => flags !== NONE);
    const code = Number(line.code);
    switch (outcome.end) {
      case "whole":
        if (line.flags !== NONE || (code !== 200 && code !== 101))
          this.#find("whole for the client, not in the log", this.#describe(outcome));
        else this.#count("whole in the log, too");
        return;
      case "answered":
        if (code !== outcome.status || !flagged) this.#find("an answer without a flag", this.#describe(outcome));
        else this.#count("failures with their flag");
        return;
      case "cut":
      case "unanswered":
        if (isTunnel(outcome) ? !flagged : line.flags === NONE)
          this.#find("a loss without a flag", this.#describe(outcome));
        else this.#count("failures with their flag");
        return;
      case "gave-up":
        this.#count(line.flags === NONE ? "given up when all was sent" : "given up, with a flag");
        return;
      case "refused":
        this.#find("refused, and in the log", this.#describe(outcome));
        return;
      case "hung":
        return;
    }
  }

  #strangers(): void {
    const known = new Set(this.#books.load.outcomes.map(({ id }) => id));
    for (const id of this.#lines.keys()) if (!known.has(id)) this.#find("a line of no exchange", id);
    for (const id of this.#serverLines.keys()) if (!known.has(id)) this.#find("a server's line of no exchange", id);
    for (const id of this.#sightings.keys()) if (!known.has(id)) this.#find("seen, and sent by nobody", id);
  }

  // ── byte streams: told apart by the client's port, which comes again after a while ─────────────────────────────────────────────

  #byteStreams(): void {
    const outcomes = this.#books.load.outcomes.filter((outcome) => isBytes(outcome) && outcome.end !== "refused");
    const lines = groups(this.#books.client.bytes, ({ clientPort }) => clientPort);
    // Of a client that reset before its connection was looked at: the kernel knows its address no more.
    let nameless = lines.get("0")?.length ?? 0;
    lines.delete("0");
    for (const [port, own] of groups(outcomes, ({ localPort }) => String(localPort))) {
      const found = lines.get(port) ?? [];
      if (nameless > 0 && found.length < own.length && own.some(({ end }) => end === "gave-up")) nameless--;
      else if (found.length !== own.length)
        this.#find("byte streams and their lines", `${own.length} streams, ${found.length} lines of port ${port}`);
      else for (const [i, outcome] of own.entries()) this.#byteStream(outcome, found[i]!);
      lines.delete(port);
    }
    if (nameless > 0) this.#find("a line of no byte stream", `${nameless} without a port`);
    for (const [port, own] of lines) this.#find("a line of no byte stream", `${own.length} of port ${port}`);
  }

  #byteStream(outcome: Outcome, line: LogLine): void {
    if (outcome.end === "whole" && line.flags !== NONE)
      this.#find("whole for the client, not in the log", `${this.#describe(outcome)} ${JSON.stringify(line)}`);
    if (outcome.end === "whole" && Number(line.sent) !== outcome.received)
      this.#find("bytes in the log", `${outcome.id}: received ${outcome.received}, in the log ${line.sent}`);
    if (outcome.end !== "cut") return;
    this.#count(`byte streams cut: ${outcome.detail}, flags ${line.flags}`);
  }

  // ── metrics ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #metrics(): void {
    const { client, servers, load } = this.#books;
    this.#ofProxy("client", client, "source");
    for (const [name, told] of Object.entries(servers)) this.#ofProxy(name, told, "destination");
    const dialled = load.outcomes.filter((outcome) => isBytes(outcome) && outcome.end !== "refused").length;
    this.#equal("byte streams: clients and log", dialled, client.bytes.length);
  }

  #ofProxy(name: string, { http, visitors, bytes, metrics }: Told, reporter: string): void {
    const counted = metrics.by("istio_requests_total", ["response_code", "response_flags"], { reporter });
    const logged = groups([...http, ...visitors], ({ code, flags }) => `${code} ${flags}`);
    for (const key of new Set([...counted.keys(), ...logged.keys()]))
      this.#equal(`${name}: requests of ${key}, log and metrics`, logged.get(key)?.length ?? 0, counted.get(key) ?? 0);
    const prefix = reporter === "source" ? "outbound" : "inbound";
    const managed = metrics.sum("envoy_http_downstream_rq_total", { http_conn_manager_prefix: prefix });
    this.#equal(`${name}: requests, log and manager`, http.length, managed);
    const connected = bytes.filter(({ local }) => local !== NONE).length;
    const tcp = (what: string) => metrics.sum(`istio_tcp_connections_${what}_total`, { reporter });
    this.#equal(`${name}: byte streams, log and metrics`, connected, tcp("opened"));
    this.#equal(`${name}: byte streams opened and closed`, tcp("opened"), tcp("closed"));
  }

  #equal(what: string, one: number, other: number): void {
    if (one === other) this.#count(what, one);
    else this.#find(what, `${one} and ${other}`);
  }
}

export function account(books: Books): Account {
  return new Auditor(books).audit();
}
