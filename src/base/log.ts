// The log of Heddle's own doings (the access log is the proxy's). One line a record on standard error, text or JSON.

export const LOG_LEVELS = ["debug", "info", "warn", "error", "off"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFields = Readonly<Record<string, unknown>>;

interface LogSettings {
  level: LogLevel;
  format: "text" | "json";
  write: (line: string) => void;
}

const settings: LogSettings = { level: "info", format: "text", write: (line) => process.stderr.write(line) };

/** Levels of scopes that have their own. */
const levels = new Map<string, LogLevel>();
const scopes = new Set<string>();

/** The level of every scope that the process has. */
export function logLevels(): ReadonlyMap<string, LogLevel> {
  return new Map([...scopes].sort().map((scope) => [scope, levels.get(scope) ?? settings.level]));
}

/** Of one scope, or of all when `scope` is undefined. */
export function setLogLevel(scope: string | undefined, level: LogLevel): void {
  if (scope !== undefined) {
    levels.set(scope, level);
    return;
  }
  levels.clear();
  settings.level = level;
}

/** Changes where and how every logger of the process writes. */
export function configureLog(changes: Partial<LogSettings>): void {
  Object.assign(settings, changes);
}

function fieldText(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text === undefined ? "undefined" : /[\s"=]/.test(text) || text === "" ? JSON.stringify(text) : text;
}

export class Logger {
  readonly #scope: string;

  constructor(scope: string) {
    this.#scope = scope;
  }

  debug(message: string, fields?: LogFields): void {
    this.#log("debug", message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#log("info", message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#log("warn", message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#log("error", message, fields);
  }

  #log(level: LogLevel, message: string, fields: LogFields = {}): void {
    const least = levels.get(this.#scope) ?? settings.level;
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(least)) return;
    const time = new Date().toISOString();
    if (settings.format === "json") {
      const plain = Object.fromEntries(
        Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? value.message : value]),
      );
      settings.write(`${JSON.stringify({ time, level, scope: this.#scope, message, ...plain })}\n`);
      return;
    }
    const tail = Object.entries(fields)
      .map(([key, value]) => ` ${key}=${fieldText(value)}`)
      .join("");
    settings.write(`${time} ${level.padEnd(5)} ${this.#scope}: ${message}${tail}\n`);
  }
}

/** A logger for one part of the program; `scope` is its folder's name. */
export function logger(scope: string): Logger {
  scopes.add(scope);
  return new Logger(scope);
}
