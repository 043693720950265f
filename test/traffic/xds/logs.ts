// Lines of an access log as fields.

import { closeSync, existsSync, fstatSync, openSync, readSync, statSync } from "node:fs";
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

/** The fields that the case asked for come after those of every line. `mark` tells lines of one file apart: it stands before them. */
export function logFormat(more: Readonly<Record<string, string>> = {}, mark = ""): string {
  return `${beginning(mark)}${Object.values({ ...LOG_FIELDS, ...more }).join("\t")}\n`;
}

function beginning(mark: string): string {
  return mark && `${mark}\t`;
}

/** The log of one case, from where it stood when the case began. */
export class Log {
  readonly #path: string;
  readonly #names: readonly string[];
  readonly #from: number;
  readonly #beginning: string;
  readonly #isOwn: (line: LogLine) => boolean;

  /** Lines with the mark that the format has; `isOwn` leaves more of them out. */
  constructor(
    path: string,
    more: Readonly<Record<string, string>> = {},
    mark = "",
    isOwn: (line: LogLine) => boolean = () => true,
  ) {
    this.#isOwn = isOwn;
    this.#beginning = beginning(mark);
    this.#path = path;
    this.#names = Object.keys({ ...LOG_FIELDS, ...more });
    this.#from = existsSync(path) ? statSync(path).size : 0;
  }

  /** What came since: the file is that of many cases. */
  #text(): string {
    if (!existsSync(this.#path)) return "";
    const file = openSync(this.#path, "r");
    try {
      const bytes = Buffer.alloc(fstatSync(file).size - this.#from);
      return bytes.toString("latin1", 0, readSync(file, bytes, 0, bytes.length, this.#from));
    } finally {
      closeSync(file);
    }
  }

  get lines(): readonly LogLine[] {
    const all = this.#text().split("\n").slice(0, -1);
    const lines = all.filter((line) => line.startsWith(this.#beginning));
    const parsed = lines.map((line) => {
      const values = line.slice(this.#beginning.length).split("\t");
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
