import { describe, expect, test } from "bun:test";
import { Secret } from "../base/secret.ts";
import { fingerprint } from "../pki/certificate.ts";
import { NOON_MS } from "../pki/certificate-fixtures.ts";
import { generateKeyPair } from "../pki/key.ts";
import { unwrap } from "../pki/parsed.ts";
import { parseSpiffeId } from "../pki/spiffe.ts";
import { verifySvid } from "../pki/svid.ts";
import { createRoot, issueLeaf, type SigningAuthority } from "./authority.ts";
import { formatRootFile, parseRootFile } from "./root-file.ts";
import { authorityOf, firstRoot, prepareRoot, type RootSet, retire, switchTo } from "./root-set.ts";

const old = createRoot("cluster.local", NOON_MS);
const next = createRoot("cluster.local", NOON_MS);
const [oldName, nextName] = [fingerprint(old.certificate), fingerprint(next.certificate)];
const id = unwrap(parseSpiffeId("spiffe://cluster.local/ns/default/sa/a"));

/** Whether a peer that knows `verifier`'s bundle trusts a leaf of `signer`. */
function trusts(verifier: SigningAuthority, signer: SigningAuthority): boolean {
  const verdict = issueLeaf(signer, { id, publicKeyInfo: generateKeyPair().publicKeyInfo, ttlMs: 60_000 }, NOON_MS);
  if (verdict.kind === "refused") throw new Error(verdict.reason);
  return (
    verifySvid([verdict.leaf], new Map([["cluster.local", verifier.bundle]]), NOON_MS, "server").kind === "trusted"
  );
}

describe("a rotation of roots", () => {
  const first = firstRoot("cluster.local", old);
  const prepared = unwrap(prepareRoot(first, next));
  const switched = unwrap(switchTo(prepared, nextName));
  const retired = unwrap(retire(switched, oldName));

  test("signs with the old root until it is switched, with the new one after", () => {
    expect([first, prepared, switched, retired].map(({ signing }) => signing)).toEqual([
      oldName,
      oldName,
      nextName,
      nextName,
    ]);
    expect([first, prepared, switched, retired].map(({ roots }) => roots.length)).toEqual([1, 2, 2, 1]);
  });

  test("never breaks trust between two neighbouring steps, in either direction", () => {
    const steps = [first, prepared, switched, retired].map(authorityOf);
    for (const [index, after] of steps.slice(1).entries()) {
      const before = steps[index]!;
      expect([trusts(before, after), trusts(after, before)]).toEqual([true, true]);
    }
    // Why each step waits for the one before it: skipping one leaves peers that do not know the signer.
    expect(trusts(authorityOf(first), authorityOf(switched))).toBe(false);
    expect(trusts(authorityOf(retired), authorityOf(prepared))).toBe(false);
  });

  test("refuses steps out of order", () => {
    const reasons = [
      switchTo(first, nextName),
      retire(prepared, oldName),
      retire(first, oldName),
      retire(switched, "unknown"),
    ];
    expect(reasons.map(({ kind }) => kind)).toEqual(["malformed", "malformed", "malformed", "malformed"]);
    expect(unwrap(prepareRoot(prepared, next))).toBe(prepared);
    expect(prepareRoot(first, createRoot("other.example", NOON_MS)).kind).toBe("malformed");
  });
});

describe("the file of roots", () => {
  const set = unwrap(prepareRoot(firstRoot("cluster.local", old), next));

  const [first, second] = (JSON.parse(formatRootFile(set).reveal()) as { roots: [object, object] }).roots;

  /** The file with some members replaced; undefined removes one. */
  function change(members: Readonly<Record<string, unknown>>): Secret {
    return new Secret(JSON.stringify({ ...(JSON.parse(formatRootFile(set).reveal()) as object), ...members }));
  }

  test("holds every state of a rotation, keys included", () => {
    const read: RootSet = unwrap(parseRootFile(formatRootFile(set)));
    expect(read.signing).toBe(set.signing);
    expect(read.roots.map((root) => fingerprint(root.certificate))).toEqual([oldName, nextName]);
    expect(trusts(authorityOf(set), authorityOf(unwrap(switchTo(read, nextName))))).toBe(true);
  });

  test("that is damaged gives a reason that quotes no key", () => {
    const cases: readonly [Secret, string][] = [
      [new Secret(""), "not a JSON object"],
      [new Secret("[1"), "not a JSON object"],
      [new Secret("null"), "not a JSON object"],
      [new Secret(formatRootFile(set).reveal().slice(0, 300)), "not a JSON object"],
      [change({ version: 2 }), "version 2"],
      [change({ roots: undefined }), "missing"],
      [change({ roots: [{}] }), "roots[0] lacks"],
      [change({ roots: [first, null] }), "roots[1] lacks"],
      [change({ signing: "0" }), "not among the roots"],
      [change({ roots: [{ ...first, privateKey: "x" }] }), "cannot be decoded"],
      [change({ roots: [{ ...first, certificate: "x" }] }), "no PEM block"],
      [
        change({ roots: [{ ...first, ...second, certificate: (first as { certificate: string }).certificate }] }),
        "do not belong together",
      ],
    ];
    for (const [text, reason] of cases) {
      const read = parseRootFile(text);
      expect(read.kind === "malformed" && read.reason).toContain(reason);
      expect(JSON.stringify(read)).not.toContain("PRIVATE");
    }
  });
});
