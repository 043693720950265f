// A virtual host that stays in its bytes until the first request asks for it. Of 100,000 routes a proxy uses few; as tables, all of them
// would be a million objects that every full collection has to look at.

import type { VirtualHost } from "./route.ts";

export type NamedHost = Pick<VirtualHost, "name" | "domains">;

export class DeferredVirtualHost implements NamedHost {
  readonly name: string;
  readonly domains: readonly string[];
  /** Checked: they compile. */
  readonly #bytes: Uint8Array;
  readonly #compile: (bytes: Uint8Array) => VirtualHost;
  #table: VirtualHost | undefined;

  /** `table`: where it is in use already. */
  constructor(
    { name, domains }: NamedHost,
    bytes: Uint8Array,
    compile: (bytes: Uint8Array) => VirtualHost,
    table?: VirtualHost,
  ) {
    this.name = name;
    this.domains = domains;
    this.#bytes = bytes;
    this.#compile = compile;
    this.#table = table;
  }

  get isCompiled(): boolean {
    return this.#table !== undefined;
  }

  get table(): VirtualHost {
    this.#table ??= this.#compile(this.#bytes);
    return this.#table;
  }

  isMadeOf(bytes: Uint8Array): boolean {
    return Buffer.compare(this.#bytes, bytes) === 0;
  }

  /** The same, out of equal bytes that lie elsewhere: those from before may go. */
  movedTo(bytes: Uint8Array): DeferredVirtualHost {
    return new DeferredVirtualHost(this, bytes, this.#compile, this.#table);
  }
}

export type VirtualHostEntry = VirtualHost | DeferredVirtualHost;

export function tableOf(entry: VirtualHostEntry): VirtualHost {
  return entry instanceof DeferredVirtualHost ? entry.table : entry;
}

/** A request has asked for it, or it never was anything but a table. */
export function isInUse(entry: VirtualHostEntry | undefined): boolean {
  return entry !== undefined && (!(entry instanceof DeferredVirtualHost) || entry.isCompiled);
}
