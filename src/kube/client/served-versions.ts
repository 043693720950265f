// Which version of a kind a server serves, if any: an old Istio has v1beta1 only, a cluster without Istio nothing at all.

import { isJsonArray, isJsonObject } from "../json.ts";
import type { ResourceType } from "../resources.ts";
import { hasReason } from "../status.ts";

/** Kinds are installed and upgraded while Heddle runs, but rarely. */
const FRESH_MS = 60_000;

interface Answer {
  readonly at: number;
  /** Plural names of the resources in one group version. */
  readonly resources: Promise<ReadonlySet<string>>;
}

/** Asks a server for its resources, group version by group version, and remembers the answers for a minute. */
export class ServedVersions {
  readonly #fetch: (path: string) => Promise<unknown>;
  readonly #answers = new Map<string, Answer>();

  /** `fetch` gets the JSON at a path; it rejects with NotFound for a group version that is not served. */
  constructor(fetch: (path: string) => Promise<unknown>) {
    this.#fetch = fetch;
  }

  /** The first of the kind's versions, in order of preference, that the server has; undefined when it has none. */
  async of(type: ResourceType): Promise<string | undefined> {
    // Kubernetes' own kinds are at the one version that is in the table on every server still supported.
    if (type.builtIn) return type.storageVersion;
    for (const version of type.versions) {
      if ((await this.#resourcesOf(type.group, version)).has(type.plural)) return version;
    }
    return undefined;
  }

  #resourcesOf(group: string, version: string): Promise<ReadonlySet<string>> {
    const path = `/apis/${group}/${version}`;
    const known = this.#answers.get(path);
    if (known && performance.now() - known.at < FRESH_MS) return known.resources;
    const resources = this.#ask(path);
    this.#answers.set(path, { at: performance.now(), resources });
    // Failing to ask is no answer.
    resources.catch(() => this.#answers.delete(path));
    return resources;
  }

  async #ask(path: string): Promise<ReadonlySet<string>> {
    try {
      const list = await this.#fetch(path);
      const resources = isJsonObject(list) && isJsonArray(list.resources) ? list.resources : [];
      return new Set(resources.filter(isJsonObject).map(({ name }) => String(name)));
    } catch (error) {
      if (hasReason(error, "NotFound")) return new Set();
      throw error;
    }
  }
}
