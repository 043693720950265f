// The keys of issuers that policies name by address: fetched here and handed to proxies, which then need no way out of the mesh of their own.
// What was fetched once stays in force until something newer came, as in Istio.

import { logger } from "../base/log.ts";
import { usableKeys } from "../model/key-set.ts";
import type { Mesh } from "../model/mesh.ts";
import type { KeySet } from "../model/request-authentication.ts";

const log = logger("control");

/** Istio's PILOT_JWT_PUB_KEY_REFRESH_INTERVAL. */
const REFRESH_MS = 20 * 60_000;
/** After a failure; doubled with each, up to the interval above. */
const RETRY_MS = 5_000;
/** A set of a hundred RSA keys with their certificates is a quarter of it. */
const MAX_BYTES = 1_048_576;
/** Addresses that are asked at all: each is a connection to somebody else's server. */
const MAX_ADDRESSES = 1_000;

const DISCOVERY = "/.well-known/openid-configuration";

/** The text at an address. @throws when there is none in time. */
export type FetchText = (uri: string, timeoutMs: number) => Promise<string>;

/** One address: what it said last, and when it is asked again. */
interface Entry {
  readonly timeoutMs: number;
  jwks: string | undefined;
  failures: number;
  timer: Timer | undefined;
}

export class KeySets {
  readonly #fetch: FetchText;
  readonly #onChanged: () => void;
  readonly #entries = new Map<string, Entry>();
  #current: readonly KeySet[] = [];

  /** `onChanged`: a set came that is not the one before. */
  constructor(onChanged: () => void, fetch: FetchText = fetchText) {
    this.#onChanged = onChanged;
    this.#fetch = fetch;
  }

  /** The same list as long as nothing changed. */
  get current(): readonly KeySet[] {
    return this.#current;
  }

  /** Asks for what the mesh names, and no longer for what it does not. */
  want({ requestAuthentications }: Pick<Mesh, "requestAuthentications">): void {
    const wanted = new Map<string, number>();
    for (const { issuers } of requestAuthentications)
      for (const { keys, fetchTimeoutMs } of issuers)
        if (keys.kind === "fetched" && wanted.size < MAX_ADDRESSES) wanted.set(keys.uri, fetchTimeoutMs);
    for (const uri of [...this.#entries.keys()]) if (!wanted.has(uri)) this.#forget(uri);
    for (const [uri, timeoutMs] of wanted) {
      if (this.#entries.has(uri)) continue;
      const entry: Entry = { timeoutMs, jwks: undefined, failures: 0, timer: undefined };
      this.#entries.set(uri, entry);
      void this.#refresh(uri, entry);
    }
  }

  stop(): void {
    for (const uri of [...this.#entries.keys()]) this.#forget(uri);
  }

  #forget(uri: string): void {
    clearTimeout(this.#entries.get(uri)?.timer);
    this.#entries.delete(uri);
    this.#current = this.#current.filter((keys) => keys.uri !== uri);
  }

  async #refresh(uri: string, entry: Entry): Promise<void> {
    try {
      const jwks = usableKeys(await this.#keysAt(uri, entry.timeoutMs));
      if (jwks === undefined) throw new Error("no key that can verify a token");
      entry.failures = 0;
      if (this.#entries.get(uri) === entry && jwks !== entry.jwks) this.#set(uri, entry, jwks);
    } catch (thrown) {
      entry.failures++;
      log.warn("keys of an issuer cannot be fetched", { uri, error: String(thrown), kept: entry.jwks !== undefined });
    }
    if (this.#entries.get(uri) !== entry) return;
    const delay = entry.failures === 0 ? REFRESH_MS : Math.min(REFRESH_MS, RETRY_MS * 2 ** (entry.failures - 1));
    entry.timer = setTimeout(() => void this.#refresh(uri, entry), delay);
    entry.timer.unref();
  }

  #set(uri: string, entry: Entry, jwks: string): void {
    entry.jwks = jwks;
    this.#current = [...this.#current.filter((keys) => keys.uri !== uri), { uri, jwks }];
    this.#onChanged();
  }

  /** A discovery document (OpenID Connect Discovery 1.0, section 4) names where the keys are. */
  async #keysAt(uri: string, timeoutMs: number): Promise<string> {
    const text = await this.#fetch(uri, timeoutMs);
    if (!uri.endsWith(DISCOVERY)) return text;
    const document: unknown = JSON.parse(text);
    const address = typeof document === "object" && document !== null && "jwks_uri" in document && document.jwks_uri;
    if (typeof address !== "string" || !/^https?:\/\//.test(address)) throw new Error("no jwks_uri");
    return this.#fetch(address, timeoutMs);
  }
}

async function fetchText(uri: string, timeoutMs: number): Promise<string> {
  const response = await fetch(uri, { signal: AbortSignal.timeout(timeoutMs) });
  if (!response.ok || !response.body) throw new Error(`status ${response.status}`);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body) {
    length += chunk.length;
    if (length > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
