// Lines of an access log as fields.

import { existsSync, readFileSync } from "node:fs";
import { until } from "../../../src/base/until-fixture.ts";

/** Operators in every line, under these names. */
const LOG_FIELDS = {
  code: "%RESPONSE_CODE%",
  flags: "%RESPONSE_FLAGS%",
  details: "%RESPONSE_CODE_DETAILS%",
  route: "%ROUTE_NAME%",
  cluster: "%UPSTREAM_CLUSTER%",
  attempts: "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
  host: "%UPSTREAM_HOST%",
  failure: "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
  termination: "%CONNECTION_TERMINATION_DETAILS%",
  received: "%BYTES_RECEIVED%",
  sent: "%BYTES_SENT%",
  protocol: "%PROTOCOL%",
  method: "%REQ(:METHOD)%",
  path: "%REQ(:PATH)%",
  id: "%REQ(X-REQUEST-ID)%",
} as const;

export type LogLine = Readonly<Record<keyof typeof LOG_FIELDS, string>> & Readonly<Record<string, string>>;

/** The fields that the case asked for come after those of every line. */
export function logFormat(more: Readonly<Record<string, string>> = {}): string {
  return `${Object.values({ ...LOG_FIELDS, ...more }).join("\t")}\n`;
}

/** The log of one case, from where it stood when the case began. */
export class Log {
  readonly #path: string;
  readonly #names: readonly string[];
  readonly #from: number;
  readonly #isOwn: (line: LogLine) => boolean;

  /** `isOwn` leaves lines of other cases out. */
  constructor(
    path: string,
    more: Readonly<Record<string, string>> = {},
    isOwn: (line: LogLine) => boolean = () => true,
  ) {
    this.#isOwn = isOwn;
    this.#path = path;
    this.#names = Object.keys({ ...LOG_FIELDS, ...more });
    this.#from = this.#text().length;
  }

  #text(): string {
    return existsSync(this.#path) ? readFileSync(this.#path, "latin1") : "";
  }

  get lines(): readonly LogLine[] {
    const lines = this.#text().slice(this.#from).split("\n").slice(0, -1);
    const parsed = lines.map((line) => {
      const values = line.split("\t");
      return Object.fromEntries(this.#names.map((name, i) => [name, values[i] ?? ""])) as LogLine;
    });
    return parsed.filter(this.#isOwn);
  }

  /** The lines once there are `count`. */
  async atLeast(count: number): Promise<readonly LogLine[]> {
    await until(`${count} lines in the access log`, () => this.lines.length >= count, 5_000);
    return this.lines;
  }
}
