// Renewal of certificates that live for moments, by a signer that can fail.

import { afterAll, afterEach, beforeAll, expect, spyOn, test } from "bun:test";
import { Failure } from "../base/failure.ts";
import { configureLog } from "../base/log.ts";
import { until } from "../base/until-fixture.ts";
import { testLeaf, testRoot } from "../pki/certificate-fixtures.ts";
import { unwrap } from "../pki/parsed.ts";
import type { CertificateSigner } from "../pki/request.ts";
import { parseSpiffeId } from "../pki/spiffe.ts";
import { type HeldIdentity, WorkloadIdentity } from "./identity.ts";

const URI = "spiffe://cluster.local/ns/default/sa/a";
const root = testRoot(Date.now());
/** X.509 counts whole seconds: a certificate of 2 lives for 1 at least. */
const SHORT_MS = 2_000;

class TestSigner implements CertificateSigner {
  calls = 0;
  ttlMs = SHORT_MS;
  failure: Error | undefined;
  async sign() {
    this.calls++;
    if (this.failure) throw this.failure;
    const { pem } = testLeaf(root, URI, Date.now(), { notAfterMs: Date.now() + this.ttlMs });
    return { chain: [pem], roots: root.pem };
  }
}

const started: WorkloadIdentity[] = [];
function identity(signer: CertificateSigner, issued: HeldIdentity[]): WorkloadIdentity {
  const made = new WorkloadIdentity({
    id: unwrap(parseSpiffeId(URI)),
    ttlMs: SHORT_MS,
    signer,
    onIssued: (held) => issued.push(held),
  });
  started.push(made);
  return made;
}

beforeAll(() => configureLog({ level: "off" }));
afterAll(() => configureLog({ level: "info" }));
afterEach(() => {
  for (const each of started.splice(0)) each.stop();
});

test("a certificate is renewed with a new key before it expires", async () => {
  const issued: HeldIdentity[] = [];
  const signer = new TestSigner();
  const tested = identity(signer, issued);
  expect(tested.isValid).toBe(false);
  await tested.start();
  const [first] = issued;
  const second = await until("the renewal", () => issued[1]);
  expect(Date.now()).toBeLessThan(first!.notAfterMs);
  expect(second.key.reveal()).not.toBe(first!.key.reveal());
  expect(tested.current).toBe(second);
});

test("while the authority is away what is held serves, until it expired; then it is renewed all the same", async () => {
  const issued: HeldIdentity[] = [];
  const signer = new TestSigner();
  const tested = identity(signer, issued);
  await tested.start();
  signer.failure = new Error("away");
  await until("an attempt", () => signer.calls === 2);
  expect(tested.isValid).toBe(true);
  expect(tested.current).toBe(issued[0]!);
  await until("the end", () => !tested.isValid);
  const attempts = signer.calls;
  expect(attempts).toBeLessThan(8); // with back-off: half a second and more between two
  signer.failure = undefined;
  await until("the renewal", () => tested.isValid, 6_000);
  expect(issued.length).toBe(2);
}, 12_000);

test("the first attempt's failure is the caller's", async () => {
  const signer = new TestSigner();
  signer.failure = new Failure("no such token", { hint: "make one" });
  await expect(identity(signer, []).start()).rejects.toBe(signer.failure);
});

test("a certificate that is over already is a failure, not something to renew at once and again", async () => {
  const signer = new TestSigner();
  signer.ttlMs = -5_000;
  const tested = identity(signer, []);
  await expect(tested.start()).rejects.toThrow("ended at");
  expect(tested.current).toBeUndefined();
});

test("a lifetime beyond what a timer can hold is slept through in parts, not in a loop without sleep", async () => {
  const signer = new TestSigner();
  signer.ttlMs = 365 * 86_400_000;
  const timer = spyOn(globalThis, "setTimeout");
  try {
    await identity(signer, []).start();
    expect(timer.mock.calls.map(([, delayMs]) => delayMs)).toEqual([60_000]);
  } finally {
    timer.mockRestore();
  }
});

test("after stop nothing is issued any more", async () => {
  const signer = new TestSigner();
  const { promise: answer, resolve: release } = Promise.withResolvers<void>();
  const slow = { sign: () => answer.then(() => signer.sign()) };
  const issued: HeldIdentity[] = [];
  const tested = identity(slow, issued);
  const start = tested.start();
  tested.stop();
  release();
  await start;
  expect(issued).toEqual([]);
});
