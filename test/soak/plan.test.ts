import { describe, expect, test } from "bun:test";
import { bodyOf, Verifier } from "./load/body.ts";
import { type Exchange, exchangeOf, exchangeText, PROTOCOLS, readExchange } from "./plan.ts";

const THOUSANDS = Array.from({ length: 20_000 }, (_, i) =>
  exchangeOf(1, `client.${i % 16}`, PROTOCOLS[i % PROTOCOLS.length]!, Math.floor(i / 16)),
);
const share = (which: (exchange: Exchange) => boolean) => THOUSANDS.filter(which).length / THOUSANDS.length;

describe("a plan", () => {
  test("is its seed's alone", () => {
    expect(exchangeOf(7, "http1.0", "http1", 3)).toEqual(exchangeOf(7, "http1.0", "http1", 3));
    expect(exchangeOf(7, "http1.0", "http1", 3)).not.toEqual(exchangeOf(8, "http1.0", "http1", 3));
  });

  test("has 1 % resets, 1 % who give up, 3 % who take their time", () => {
    expect(share(({ reset }) => reset !== undefined)).toBeCloseTo(0.01, 2);
    expect(share(({ givesUp }) => givesUp !== undefined)).toBeCloseTo(0.01, 2);
    expect(share(({ pace }) => pace !== "fast")).toBeCloseTo(0.03, 1);
    expect(share(({ down }) => down > 1024 * 1024)).toBeGreaterThan(0.005);
  });

  test("is read by the application as it was written", () => {
    for (const exchange of THOUSANDS.slice(0, 500))
      expect(exchange).toMatchObject(readExchange(exchangeText(exchange)));
  });
});

describe("a verifier", () => {
  const body = bodyOf(42, 100_000, false);
  const bytes = Buffer.concat(body.chunks);
  const verified = (sent: Buffer) => {
    const verifier = new Verifier(body);
    for (let at = 0; at < sent.length; at += 7_001) verifier.take(sent.subarray(at, at + 7_001));
    return verifier;
  };

  test("takes the body in any pieces", () => expect(verified(bytes).isWhole).toBe(true));

  test("tells a changed, a lost, a doubled and a further byte, and an end that comes too early", () => {
    const changed = Buffer.from(bytes);
    changed[60_000]! ^= 1;
    const [half, rest] = [bytes.subarray(0, 50_000), bytes.subarray(50_000)];
    expect(verified(changed).fault).toContain("another byte between 5");
    expect(verified(Buffer.concat([half, rest.subarray(1)])).isWhole).toBe(false);
    expect(verified(Buffer.concat([half, half.subarray(-1), rest])).fault).toBeDefined();
    expect(verified(Buffer.concat([bytes, rest])).fault).toContain("more than");
    expect(verified(half)).toMatchObject({ isWhole: false, fault: undefined, received: 50_000 });
  });
});
