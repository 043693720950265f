// /etc/resolv.conf (resolv.conf(5)): whom this machine asks, and what a captured program is told instead.

import { readFileSync, statSync } from "node:fs";

/** As glibc has it: MAXNS. */
const MAX_SERVERS = 3;
const DEFAULT_SERVER = "127.0.0.1";

export interface ResolvConf {
  readonly servers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

export function parseResolvConf(text: string): ResolvConf {
  const servers: string[] = [];
  let search: readonly string[] = [];
  const options: string[] = [];
  for (const line of text.split("\n")) {
    const [keyword, ...values] = line
      .replace(/[#;].*$/, "")
      .trim()
      .split(/\s+/);
    if (keyword === "nameserver" && values[0] && servers.length < MAX_SERVERS) servers.push(values[0]);
    else if (keyword === "search" || keyword === "domain")
      search = values; // the last one counts
    else if (keyword === "options") options.push(...values);
  }
  return { servers: servers.length > 0 ? servers : [DEFAULT_SERVER], search, options };
}

/** For a program whose names the mesh has: its own domains come first, the machine's habits stay. */
export function resolvConfText(server: string, domains: readonly string[], { search, options }: ResolvConf): string {
  const all = [...new Set([...domains, ...search.filter((domain) => domain !== ".")])];
  return [
    `nameserver ${server}`,
    `search ${all.join(" ")}`,
    ...(options.length > 0 ? [`options ${options.join(" ")}`] : []),
    "",
  ].join("\n");
}

/** Read again when it changed: a laptop goes from one network to the next. */
export class ResolvConfFile {
  readonly #path: string;
  #stamp = "";
  #current: ResolvConf = parseResolvConf("");

  constructor(path = "/etc/resolv.conf") {
    this.#path = path;
  }

  get current(): ResolvConf {
    try {
      const { ino, mtimeMs, size } = statSync(this.#path);
      const stamp = `${ino}/${mtimeMs}/${size}`;
      if (stamp !== this.#stamp) {
        this.#current = parseResolvConf(readFileSync(this.#path, "utf8"));
        this.#stamp = stamp;
      }
    } catch {
      // Between two networks there may be none: the last one is the best guess.
    }
    return this.#current;
  }
}
