import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Failure } from "../base/failure.ts";
import { fingerprint } from "../pki/certificate.ts";
import { HOUR_MS, type TestCertificate, testIntermediate, testLeaf, testRoot } from "../pki/certificate-fixtures.ts";
import { unwrap } from "../pki/parsed.ts";
import { createRoot, ROOT_LIFETIME_MS } from "./authority.ts";
import { prepareRoot } from "./root-set.ts";
import { AuthorityStore } from "./store.ts";

const now = Date.now();
let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "heddle-store-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function failureOf(act: () => unknown): Failure {
  try {
    act();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

function open(trustDomain = "cluster.local", nowMs = now) {
  return new AuthorityStore(folder).open(trustDomain, nowMs);
}

/** Plugs in an authority; the values are PEM. */
function plugIn(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o600 });
}

function files(signer: TestCertificate, root: TestCertificate): Record<string, string> {
  return { "ca-cert.pem": signer.pem, "ca-key.pem": signer.keyPem, "root-cert.pem": root.pem };
}

describe("a self-signed authority", () => {
  test("is made once and found again, in a folder and files of one's own", () => {
    const first = open();
    const second = open();
    expect(first.kind).toBe("self-signed");
    expect(fingerprint(second.authority.certificate)).toBe(fingerprint(first.authority.certificate));
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(readdirSync(folder)).toEqual(["self-signed.json"]);
    expect(statSync(join(folder, "self-signed.json")).mode & 0o777).toBe(0o600);
  });

  test("keeps the roots of a rotation between starts", () => {
    const store = new AuthorityStore(folder);
    const stored = store.open("cluster.local", now);
    if (stored.kind !== "self-signed") throw new Error("not self-signed");
    store.save(unwrap(prepareRoot(stored.roots, createRoot("cluster.local", now))));
    expect(open().authority.bundle.roots.length).toBe(2);
    expect(fingerprint(open().authority.certificate)).toBe(fingerprint(stored.authority.certificate));
  });

  test("is not used for another trust domain, and a name that is none is refused", () => {
    open();
    expect(failureOf(() => open("other.example"))).toMatchObject({
      message: expect.stringContaining("is of trust domain cluster.local, not other.example"),
      hint: expect.stringContaining("another state folder"),
    });
    expect(failureOf(() => open("Not A Domain")).message).toContain("Not A Domain");
  });

  test("that has expired, is damaged or is open to every user is refused with the path", () => {
    open();
    const path = join(folder, "self-signed.json");
    expect(failureOf(() => open("cluster.local", now + ROOT_LIFETIME_MS + HOUR_MS)).message).toContain("expired at 20");
    chmodSync(path, 0o644);
    expect(failureOf(open).hint).toContain(`chmod 600 ${path}`);
    writeFileSync(path, "{", { mode: 0o600 });
    chmodSync(path, 0o600);
    expect(failureOf(open)).toMatchObject({
      message: expect.stringContaining(`${path}: not a JSON object`),
      hint: expect.stringContaining("backup"),
    });
    rmSync(path);
    mkdirSync(path, { mode: 0o700 });
    expect(failureOf(open).message).toContain("EISDIR");
  });

  test("is made by one of several processes that start together, for all of them", async () => {
    const script = `
      import { AuthorityStore } from ${JSON.stringify(join(import.meta.dir, "store.ts"))};
      import { fingerprint } from ${JSON.stringify(join(import.meta.dir, "../pki/certificate.ts"))};
      process.stdout.write(fingerprint(new AuthorityStore(${JSON.stringify(folder)}).open("cluster.local", Date.now()).authority.certificate));
    `;
    const start = () =>
      new Response(Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "ignore" }).stdout).text();
    const names = await Promise.all([start(), start(), start()]);
    expect(names[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set(names).size).toBe(1);
    expect(readdirSync(folder)).toEqual(["self-signed.json"]);
  });
});

/** A file system of one page in a mount namespace of its own, when the system lets us have one. */
const tinyDisk = [
  "unshare",
  "-rm",
  "sh",
  "-c",
  'mount -t tmpfs -o size=4k,mode=0700 tiny "$0" && head -c 4096 /dev/zero >"$0/full" && exec "$@"',
];
const hasTinyDisk = (() => {
  const probe = mkdtempSync(join(tmpdir(), "heddle-probe-"));
  const { exitCode } = Bun.which("unshare") ? Bun.spawnSync([...tinyDisk, probe, "true"]) : { exitCode: 1 };
  rmSync(probe, { recursive: true });
  return exitCode === 0;
})();

test.skipIf(!hasTinyDisk)("a full disk is told with the path and the way out, and leaves nothing half written", () => {
  const script = `
    import { readdirSync } from "node:fs";
    import { AuthorityStore } from ${JSON.stringify(join(import.meta.dir, "store.ts"))};
    try {
      new AuthorityStore(${JSON.stringify(folder)}).open("cluster.local", Date.now());
    } catch (failure) {
      console.log(failure.message, "|", failure.hint, "|", readdirSync(${JSON.stringify(folder)}).join());
    }
  `;
  const { stdout } = Bun.spawnSync([...tinyDisk, folder, process.execPath, "-e", script]);
  expect(stdout.toString()).toContain(`cannot write ${join(folder, "self-signed.json")}: ENOSPC | the disk is full`);
  expect(stdout.toString().trim()).toEndWith("| full");
});

describe("a plugged-in authority", () => {
  const root = testRoot(now);

  test("is taken when its files are there, without changing them", () => {
    plugIn(files(root, root));
    const stored = open();
    expect(stored.kind).toBe("plugged-in");
    expect(stored.authority.intermediates).toEqual([]);
    expect(fingerprint(stored.authority.certificate)).toBe(fingerprint(root.certificate));
    expect(readdirSync(folder).sort()).toEqual(["ca-cert.pem", "ca-key.pem", "root-cert.pem"]);
  });

  test("may be an intermediate, whose chain is sent once and without the root however the file repeats it", () => {
    const upper = testIntermediate(root, now);
    const lower = testIntermediate(upper, now);
    plugIn({ ...files(lower, root), "cert-chain.pem": lower.pem + upper.pem + root.pem });
    expect(open().authority.intermediates.map(fingerprint)).toEqual(
      [lower, upper].map(({ certificate }) => fingerprint(certificate)),
    );
  });

  test("may trust several roots", () => {
    plugIn({ ...files(root, root), "root-cert.pem": root.pem + testRoot(now).pem });
    expect(open().authority.bundle.roots.length).toBe(2);
  });

  test("may lie in a folder that is not the state's", () => {
    plugIn(files(root, root));
    const state = join(folder, "state");
    expect(new AuthorityStore(state, folder).open("cluster.local", now).kind).toBe("plugged-in");
    expect(readdirSync(state)).toEqual([]);
  });

  test("that cannot be used is refused with the file, the reason and the way out, and nothing self-signed takes its place", () => {
    const other = testRoot(now);
    const middle = testIntermediate(root, now);
    const limited = testRoot(now, { authority: { pathLength: 0 } });
    const past = testRoot(now, { notBeforeMs: now - 9 * HOUR_MS, notAfterMs: now - HOUR_MS });
    const cases: readonly [Record<string, string>, string][] = [
      [{ "ca-cert.pem": root.pem }, "ca-key.pem is missing"],
      [{ "root-cert.pem": root.pem }, "ca-cert.pem is missing"],
      [{ ...files(root, root), "ca-key.pem": other.keyPem }, "ca-key.pem does not belong to certificate"],
      [{ ...files(root, root), "ca-key.pem": "x" }, "ca-key.pem: private key cannot be decoded"],
      [{ ...files(root, root), "ca-cert.pem": "x" }, "ca-cert.pem: no PEM block"],
      [{ ...files(root, root), "ca-cert.pem": root.pem + other.pem }, "ca-cert.pem: 2 certificates"],
      [{ ...files(root, root), "root-cert.pem": middle.pem }, "root-cert.pem: a trust bundle holds an intermediate"],
      [{ ...files(root, root), "cert-chain.pem": "x" }, "cert-chain.pem: no PEM block"],
      [files(root, other), "does not lead to a root"],
      [files(middle, other), "does not lead to a root"],
      [files(testLeaf(root, "spiffe://cluster.local/a", now), root), "not a certificate authority"],
      [files(past, past), "expired at"],
      [{ ...files(testIntermediate(limited, now), limited) }, "path length of 0"],
      [
        files(testRoot(now, { uris: ["spiffe://other.example"] }), testRoot(now, { uris: ["spiffe://other.example"] })),
        "trust domain other.example",
      ],
    ];
    for (const [given, message] of cases) {
      plugIn(given);
      const failure = failureOf(open);
      expect(failure.message).toContain(message);
      expect(failure.hint).not.toBeUndefined();
      for (const name of readdirSync(folder)) {
        expect(name).not.toBe("self-signed.json");
        rmSync(join(folder, name));
      }
    }
  });

  test("whose key is open to every user is refused", () => {
    plugIn(files(root, root));
    chmodSync(join(folder, "ca-key.pem"), 0o644);
    expect(failureOf(open).message).toContain("ca-key.pem is open to every user");
  });
});

describe("the key for join tokens", () => {
  test("is made once, 0600, and found again", () => {
    const store = new AuthorityStore(folder);
    const key = store.joinKey();
    expect(store.joinKey().publicKeyInfo).toEqual(key.publicKeyInfo);
    expect(statSync(join(folder, "join-key.pem")).mode & 0o777).toBe(0o600);
  });

  test("that is damaged names the file", () => {
    const store = new AuthorityStore(folder);
    store.joinKey();
    writeFileSync(join(folder, "join-key.pem"), readFileSync(join(folder, "join-key.pem"), "utf8").slice(0, 60));
    expect(failureOf(() => store.joinKey()).message).toContain("join-key.pem: private key cannot be decoded");
  });
});
