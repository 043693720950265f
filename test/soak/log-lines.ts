// Lines of the access logs of a soak.

import { existsSync, readFileSync } from "node:fs";

const FIELDS = {
  id: "%REQ(X-SOAK-ID)%",
  code: "%RESPONSE_CODE%",
  flags: "%RESPONSE_FLAGS%",
  details: "%RESPONSE_CODE_DETAILS%",
  attempts: "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
  cluster: "%UPSTREAM_CLUSTER%",
  clientPort: "%DOWNSTREAM_REMOTE_PORT%",
  received: "%BYTES_RECEIVED%",
  sent: "%BYTES_SENT%",
  /** Of the connection to the host; none before there was one. */
  local: "%UPSTREAM_LOCAL_ADDRESS%",
  failure: "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
} as const;

export type LogLine = Readonly<Record<keyof typeof FIELDS, string>>;

export const LOG_FORMAT = `${Object.values(FIELDS).join("\t")}\n`;

export function parseLog(text: string): readonly LogLine[] {
  const names = Object.keys(FIELDS);
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const values = line.split("\t");
      return Object.fromEntries(names.map((name, i) => [name, values[i] ?? ""])) as LogLine;
    });
}

export function readLog(path: string): readonly LogLine[] {
  return existsSync(path) ? parseLog(readFileSync(path, "latin1")) : [];
}
