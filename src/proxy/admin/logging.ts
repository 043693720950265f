// Levels of the proxy's own log, for all scopes and for each.

import { LOG_LEVELS, type LogLevel, logLevels, setLogLevel } from "../../base/log.ts";
import { text } from "./answer.ts";
import type { AdminState } from "./state.ts";

/** Envoy's words for levels to Heddle's. */
const LEVELS: ReadonlyMap<string, LogLevel> = new Map([
  ...LOG_LEVELS.map((level) => [level, level] as const),
  ["trace", "debug"],
  ["warning", "warn"],
  ["critical", "error"],
]);

function active(): string {
  const lines = [...logLevels()].map(([scope, level]) => `  ${scope}: ${level === "warn" ? "warning" : level}`);
  return `active loggers:\n${lines.join("\n")}\n`;
}

const USAGE = `
usage: /logging?<name>=<level> (change single level)
usage: /logging?paths=name1:level1,name2:level2,... (change multiple levels)
usage: /logging?level=<level> (change all levels)
levels: trace debug info warning error critical off
`;

function changes(query: URLSearchParams): readonly (readonly [scope: string, level: string])[] {
  return [...query].flatMap(([name, value]) =>
    name === "paths"
      ? value.split(",").map((path) => [path.split(":")[0] ?? "", path.split(":")[1] ?? ""] as const)
      : [[name, value] as const],
  );
}

/** All changes or none: a mistake in one leaves the levels as they are. */
export function logging(_state: AdminState, query: URLSearchParams): Response {
  const asked = changes(query);
  const known = logLevels();
  for (const [scope, level] of asked) {
    if (scope !== "level" && !known.has(scope)) return text(`error: unknown logger name\n${USAGE}${active()}`, 400);
    if (!LEVELS.has(level)) return text(`error: unknown logger level\n${USAGE}${active()}`, 400);
  }
  for (const [scope, level] of asked) setLogLevel(scope === "level" ? undefined : scope, LEVELS.get(level)!);
  return text(active());
}
