// The root set as one JSON file, so that every step of a rotation is one rename: there is no moment with a key but no certificate.
import { Secret } from "../base/secret.ts";
import { certificatePem, fingerprint, parseCertificates } from "../pki/certificate.ts";
import { exportPrivateKey, importPrivateKey } from "../pki/key.ts";
import { attempt, MalformedError, type Parsed, unwrap } from "../pki/parsed.ts";
import type { Root } from "./authority.ts";
import type { RootSet } from "./root-set.ts";

const VERSION = 1;

/** JSON text with private keys: for the disk only. */
export function formatRootFile(set: RootSet): Secret {
  const roots = set.roots.map(({ certificate, key }) => ({
    certificate: certificatePem(certificate),
    privateKey: exportPrivateKey(key).reveal(),
  }));
  return new Secret(
    `${JSON.stringify({ version: VERSION, trustDomain: set.trustDomain, signing: set.signing, roots }, null, 2)}\n`,
  );
}

/** Reads what `formatRootFile` wrote; the reason never quotes the text, which holds keys. */
export function parseRootFile(text: Secret): Parsed<RootSet> {
  return attempt(() => {
    const { version, trustDomain, signing, roots } = parseJson(text);
    if (version !== VERSION) {
      throw new MalformedError(`it has version ${JSON.stringify(version)}, this heddle reads version ${VERSION}`);
    }
    if (typeof trustDomain !== "string" || typeof signing !== "string" || !Array.isArray(roots)) {
      throw new MalformedError("trustDomain, signing or roots is missing");
    }
    const set = { trustDomain, signing, roots: roots.map((root: unknown, index) => readRoot(root, index)) };
    if (!set.roots.some(({ certificate }) => fingerprint(certificate) === signing))
      throw new MalformedError("the signing root is not among the roots");
    return set;
  });
}

interface RootFile {
  readonly version?: unknown;
  readonly trustDomain?: unknown;
  readonly signing?: unknown;
  readonly roots?: unknown;
}

function parseJson(text: Secret): RootFile {
  try {
    const value: unknown = JSON.parse(text.reveal());
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // The parser's message would quote the text.
  }
  throw new MalformedError("not a JSON object");
}

function readRoot(value: unknown, index: number): Root {
  const { certificate, privateKey } = (value ?? {}) as {
    readonly certificate?: unknown;
    readonly privateKey?: unknown;
  };
  if (typeof certificate !== "string" || typeof privateKey !== "string")
    throw new MalformedError(`roots[${index}] lacks certificate or privateKey`);
  const [root] = unwrap(parseCertificates(certificate, 1));
  const key = unwrap(importPrivateKey(new Secret(privateKey)));
  if (Buffer.compare(key.publicKeyInfo, root!.publicKeyInfo) !== 0)
    throw new MalformedError(`key and certificate of roots[${index}] do not belong together`);
  return { certificate: root!, key };
}
