// Identities that rules name: of service accounts that are nowhere, or of trust domains that nobody knows.

import type { Message } from "../../model/message.ts";
import { finding } from "../code.ts";
import { kinds } from "../kinds.ts";
import { namespaceNotRead } from "../namespace/unread.ts";
import { TextPatterns } from "../text-patterns.ts";
import type { World } from "../world.ts";

/** Stands for the mesh's own domain, whatever that is. */
const LOCAL = "cluster.local";

export class Principals {
  readonly #world: World;
  readonly #domains: ReadonlySet<string>;
  readonly #accounts: ReadonlySet<string>;
  #patterns: TextPatterns | undefined;

  constructor(world: World) {
    const { trustDomain, trustDomainAliases } = world.settings;
    this.#world = world;
    this.#domains = new Set([trustDomain, LOCAL, ...trustDomainAliases]);
    this.#accounts = accountsOf(world);
  }

  problemsOf(text: string): readonly Message[] {
    const [, domain = "", rest = ""] = /^([^/*]+)\/(.*)$/.exec(text) ?? [];
    if (domain !== "" && rest.startsWith("ns/") && !this.#domains.has(domain)) return [unknownDomain(text, domain)];
    const [, namespace, account] = /^ns\/([^/*]+)\/sa\/([^/*]+)$/.exec(rest) ?? [];
    if (namespace === undefined) return this.#ofPattern(text);
    if (this.#world.unread(namespace) !== undefined) return [namespaceNotRead(namespace, this.#world)];
    if (this.#accounts.has(`${namespace}/${account}`)) return [];
    const near = this.#world.nearest(`${namespace}/${account}`, this.#accounts)?.split("/");
    return [nowhere(text, near ? `${domain}/ns/${near[0]}/sa/${near[1]}` : undefined)];
  }

  #ofPattern(text: string): readonly Message[] {
    if (!text.startsWith("*") && !text.endsWith("*")) return [];
    this.#patterns ??= new TextPatterns(this.#identities());
    return this.#patterns.fits(text) ? [] : [nowhere(text, undefined)];
  }

  *#identities(): Generator<string> {
    for (const account of this.#accounts) {
      const slash = account.indexOf("/");
      for (const domain of this.#domains)
        yield `${domain}/ns/${account.slice(0, slash)}/sa/${account.slice(slash + 1)}`;
    }
  }
}

function nowhere(text: string, suggestion: string | undefined): Message {
  return finding("KIA0106", `no service account has this identity: ${JSON.stringify(text)}`, suggestion);
}

function unknownDomain(text: string, domain: string): Message {
  return finding(
    "KIA0108",
    `nothing is known of trust domain ${domain}, so nobody can say whether this identity exists: ${JSON.stringify(text)}`,
    "trustDomainAliases of the mesh, if it is one of its own",
  );
}

/** `ns/sa` of every service account that is written down or that something runs as. */
function accountsOf(world: World): ReadonlySet<string> {
  return new Set([
    ...world.views(kinds.serviceAccount).map(({ namespace, name }) => `${namespace}/${name}`),
    ...world.runnables.map(({ namespace, serviceAccount }) => `${namespace}/${serviceAccount}`),
    ...[...world.namespaces].map((namespace) => `${namespace}/default`),
  ]);
}
