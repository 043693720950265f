// Where the authority lives between starts: a folder that nobody else can read, with either the operator's authority or a
// self-signed one, and the key that signs join tokens.
import { join } from "node:path";
import { EXIT, Failure } from "../base/failure.ts";
import { logger } from "../base/log.ts";
import { Secret } from "../base/secret.ts";
import { exportPrivateKey, generateKeyPair, importPrivateKey, type KeyPair } from "../pki/key.ts";
import { parseSpiffeId, trustDomainFault } from "../pki/spiffe.ts";
import { type SvidVerdict, verifySvid } from "../pki/svid.ts";
import { createRoot, issueLeaf, type SigningAuthority } from "./authority.ts";
import { createDurably, ensurePrivateFolder, exists, readPrivateText, writeDurably } from "./durable-file.ts";
import { readPluggedIn } from "./plugged-in.ts";
import { formatRootFile, parseRootFile } from "./root-file.ts";
import { authorityOf, firstRoot, type RootSet } from "./root-set.ts";

/** An authority that was found or made, and whether Heddle may change it. */
export type StoredAuthority =
  /** The operator's: Heddle never changes it. */
  | { readonly kind: "plugged-in"; readonly authority: SigningAuthority }
  /** Heddle's own: `roots` may be advanced and saved again. */
  | { readonly kind: "self-signed"; readonly authority: SigningAuthority; readonly roots: RootSet };

const ROOTS_FILE = "self-signed.json";
const JOIN_KEY_FILE = "join-key.pem";

const log = logger("ca");

/** The authority's files. Everything is synchronous: it happens at start and when a root rotates. */
export class AuthorityStore {
  readonly #folder: string;
  readonly #pluggedInFolder: string;

  /**
   * Prepares `folder` (0700); throws a Failure when that is impossible. A plugged-in authority is looked for in `pluggedInFolder`,
   * which may be a read-only mount, else in the same folder.
   */
  constructor(folder: string, pluggedInFolder: string = folder) {
    this.#folder = folder;
    this.#pluggedInFolder = pluggedInFolder;
    ensurePrivateFolder(folder);
  }

  /**
   * The authority of a trust domain: plugged in, else the self-signed one, which is made at first. It is proven before it is returned:
   * a leaf is signed and verified as a peer would. Throws a Failure with the file and the way out.
   */
  open(trustDomain: string, nowMs: number): StoredAuthority {
    const fault = trustDomainFault(trustDomain);
    if (fault !== undefined) throw new Failure(`cannot serve trust domain ${JSON.stringify(trustDomain)}: ${fault}`);
    const pluggedIn = readPluggedIn(this.#pluggedInFolder, trustDomain);
    const stored: StoredAuthority = pluggedIn
      ? { kind: "plugged-in", authority: pluggedIn }
      : this.#openSelfSigned(trustDomain, nowMs);
    prove(stored.authority, nowMs, pluggedIn ? this.#pluggedInFolder : this.#folder);
    return stored;
  }

  /** Replaces the self-signed roots, in one step. */
  save(roots: RootSet): void {
    writeDurably(this.#path(ROOTS_FILE), formatRootFile(roots).reveal());
  }

  /** The key that signs join tokens, made at first. */
  joinKey(): KeyPair {
    const path = this.#path(JOIN_KEY_FILE);
    if (!exists(path)) createDurably(path, exportPrivateKey(generateKeyPair()).reveal());
    const key = importPrivateKey(new Secret(readPrivateText(path)));
    if (key.kind === "parsed") return key.value;
    throw new Failure(`cannot use ${path}: ${key.reason}`, {
      hint: "remove the file to have a new key made; join tokens given out before are then worthless",
      exit: EXIT.data,
    });
  }

  #openSelfSigned(trustDomain: string, nowMs: number): StoredAuthority {
    const path = this.#path(ROOTS_FILE);
    if (
      !exists(path) &&
      createDurably(path, formatRootFile(firstRoot(trustDomain, createRoot(trustDomain, nowMs))).reveal())
    ) {
      log.info("made a self-signed root", { trustDomain, path });
    }
    // Read back even when just written: what counts is what the next start will find, and another process may have been first.
    const roots = parseRootFile(new Secret(readPrivateText(path)));
    if (roots.kind === "malformed")
      throw new Failure(`cannot use ${path}: ${roots.reason}`, {
        hint: "restore it from a backup; without it every workload must join anew",
        exit: EXIT.data,
      });
    if (roots.value.trustDomain !== trustDomain) {
      throw new Failure(`authority in ${path} is of trust domain ${roots.value.trustDomain}, not ${trustDomain}`, {
        hint: `start with the trust domain ${roots.value.trustDomain}, or with another state folder`,
      });
    }
    return { kind: "self-signed", authority: authorityOf(roots.value), roots: roots.value };
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
}

/** Signs a leaf for nobody and verifies it: expiry, chain, path length, key usages and trust domain in one. */
function prove(authority: SigningAuthority, nowMs: number, folder: string): void {
  const { bundle, intermediates } = authority;
  const id = parseSpiffeId(`spiffe://${bundle.trustDomain}/self-test`);
  if (id.kind === "malformed") throw new Failure(id.reason);
  const hint = "replace the authority's files; if it has expired, every workload must join the new one";
  const verdict = issueLeaf(
    authority,
    { id: id.value, publicKeyInfo: generateKeyPair().publicKeyInfo, ttlMs: 60_000 },
    nowMs,
  );
  if (verdict.kind === "refused") throw new Failure(`authority in ${folder} cannot sign: ${verdict.reason}`, { hint });
  const proof = verifySvid([verdict.leaf, ...intermediates], new Map([[bundle.trustDomain, bundle]]), nowMs, "server");
  if (proof.kind === "trusted") return;
  throw new Failure(`authority in ${folder} signs what nobody would trust: ${whyUntrusted(proof)}`, {
    hint,
    exit: EXIT.data,
  });
}

function whyUntrusted(proof: Exclude<SvidVerdict, { readonly kind: "trusted" }>): string {
  switch (proof.kind) {
    case "expired":
      return `a certificate of its chain expired at ${new Date(proof.notAfterMs).toISOString()}`;
    case "not-yet-valid":
      return `a certificate of its chain is valid from ${new Date(proof.notBeforeMs).toISOString()} only: is the clock right?`;
    case "unknown-issuer":
      return "its signing certificate does not lead to a root of the bundle";
    case "unknown-trust-domain":
      return `there is no bundle for ${proof.trustDomain}`;
    case "malformed":
    case "refused":
      return proof.reason;
  }
}
