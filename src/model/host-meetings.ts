// Whether hosts and wildcards have a host in common, without holding each against each.

import { isWithinLabel, patternsFor } from "./hosts.ts";
import { Wildcards } from "./wildcards.ts";

export class HostMeetings {
  readonly #hosts: ReadonlySet<string>;
  /** Every wildcard that covers one of the hosts. */
  readonly #covering: ReadonlySet<string>;
  readonly #withinLabels: Wildcards;
  readonly #all: Wildcards;

  constructor(hosts: Iterable<string>) {
    this.#hosts = new Set(hosts);
    this.#covering = new Set([...this.#hosts].flatMap((host) => (isHost(host) ? [...patternsFor(host)] : [host])));
    this.#withinLabels = new Wildcards([...this.#hosts].filter((host) => isHost(host) && isWithinLabel(host)));
    this.#all = new Wildcards([...this.#hosts].filter(isHost));
  }

  /** One of the hosts is this one, covers it, or is covered by it. */
  meets(host: string): boolean {
    if (this.#covering.has(host)) return true;
    if (!isHost(host)) return this.#hosts.has(host);
    for (const pattern of patternsFor(host)) if (this.#hosts.has(pattern)) return true;
    return this.#withinLabels.covers(host) || (isWithinLabel(host) && this.#all.isAbove(host));
  }
}

/** Of any text, which may be a megabyte of dots. A name has 253 characters at most (RFC 1035, 2.3.4), a wildcard two more. */
function isHost(text: string): boolean {
  return text.length <= 255;
}
