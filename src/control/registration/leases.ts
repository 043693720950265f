// Registrations that stand, and until when: who does not renew in time is taken for gone.

import { keyOf, type ObjectName } from "../../kube/object.ts";
import type { ServiceAccount } from "../../pki/spiffe.ts";

interface Lease {
  /** `namespace/name` of the service account. */
  readonly account: string;
  /** What was written for it, to know whether a renewal says anything new; undefined for one of an earlier life of this program. */
  readonly written: string | undefined;
  readonly timer: ReturnType<typeof setTimeout>;
}

export class Leases {
  readonly #ttlMs: number;
  readonly #onExpired: (pod: ObjectName) => void;
  readonly #leases = new Map<string, Lease>();
  readonly #held = new Map<string, number>();

  constructor(ttlMs: number, onExpired: (pod: ObjectName) => void) {
    this.#ttlMs = ttlMs;
    this.#onExpired = onExpired;
  }

  /** How many an account holds. */
  count({ namespace, name }: ServiceAccount): number {
    return this.#held.get(keyOf({ namespace, name })) ?? 0;
  }

  has(pod: ObjectName): boolean {
    return this.#leases.has(keyOf(pod));
  }

  written(pod: ObjectName): string | undefined {
    return this.#leases.get(keyOf(pod))?.written;
  }

  renew(pod: ObjectName, owner: ServiceAccount, written: string | undefined): void {
    this.end(pod);
    const account = keyOf(owner);
    const expire = (): void => {
      this.end(pod);
      this.#onExpired(pod);
    };
    this.#leases.set(keyOf(pod), { account, written, timer: setTimeout(expire, this.#ttlMs) });
    this.#held.set(account, (this.#held.get(account) ?? 0) + 1);
  }

  end(pod: ObjectName): void {
    const lease = this.#leases.get(keyOf(pod));
    if (!lease) return;
    clearTimeout(lease.timer);
    this.#leases.delete(keyOf(pod));
    const left = this.#held.get(lease.account)! - 1;
    if (left > 0) this.#held.set(lease.account, left);
    else this.#held.delete(lease.account);
  }

  stop(): void {
    for (const { timer } of this.#leases.values()) clearTimeout(timer);
    this.#leases.clear();
    this.#held.clear();
  }
}
