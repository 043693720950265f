// Keys of issuers: fetched once wanted, kept while nothing newer comes, forgotten with the last who named them.

import { expect, test } from "bun:test";
import type { RequestAuthentication } from "../model/request-authentication.ts";
import { type FetchText, KeySets } from "./key-sets.ts";

const KEYS = {
  keys: [
    {
      kty: "EC",
      crv: "P-256",
      x: "PePjrm1iwhrgmMhzmvM3pq0dhrWq3G_nXpEbT1p8xAM",
      y: "UWaltOP1QmDhViEbvfZapnhdVwgvf-h3uNTJ5qXHZbs",
    },
  ],
};
const JWKS = JSON.stringify(KEYS);

function naming(...uris: readonly string[]): { readonly requestAuthentications: readonly RequestAuthentication[] } {
  const issuers = uris.map((uri) => ({
    issuer: "i",
    audiences: [],
    keys: { kind: "fetched", uri } as const,
    headers: [],
    parameters: [],
    cookies: [],
    claimHeaders: [],
    forwardsToken: false,
    fetchTimeoutMs: 5_000,
    spaceDelimitedClaims: [],
  }));
  const origin = { group: "security.istio.io", kind: "RequestAuthentication", namespace: "a", name: "b" };
  return { requestAuthentications: [{ origin, createdAt: 0, scope: { kind: "mesh", labels: {} }, issuers }] };
}

/** Resolves when the sets changed. */
function keySets(fetch: FetchText): { readonly sets: KeySets; readonly changed: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { sets: new KeySets(resolve, fetch), changed: promise };
}

test("an address is asked once, and its keys are there until nobody names it", async () => {
  const asked: string[] = [];
  const { sets, changed } = keySets(async (uri) => {
    asked.push(uri);
    return JWKS;
  });
  sets.want(naming("https://a.example.com/keys"));
  sets.want(naming("https://a.example.com/keys"));
  await changed;
  expect(asked).toEqual(["https://a.example.com/keys"]);
  expect(sets.current).toEqual([{ uri: "https://a.example.com/keys", jwks: JWKS }]);
  sets.want(naming());
  expect(sets.current).toEqual([]);
  sets.stop();
});

test("a discovery document leads to the keys", async () => {
  const uri = "https://a.example.com/.well-known/openid-configuration";
  const { sets, changed } = keySets(async (asked) =>
    asked === uri ? JSON.stringify({ jwks_uri: "https://keys.example.com" }) : JWKS,
  );
  sets.want(naming(uri));
  await changed;
  expect(sets.current).toEqual([{ uri, jwks: JWKS }]);
  sets.stop();
});

test("what is no key is left out; a set without any, and an answer that does not come, are no set", async () => {
  const { sets, changed } = keySets(async (uri) => {
    if (uri.endsWith("none")) return '{"keys": [{"kty": "RSA", "n": "AQAB"}]}';
    if (uri.endsWith("down")) throw new Error("down");
    return JSON.stringify({ keys: [{ kty: "unheard of" }, ...KEYS.keys] });
  });
  sets.want(naming("https://a/none", "https://a/down", "https://a/mixed"));
  await changed;
  expect(sets.current).toEqual([{ uri: "https://a/mixed", jwks: JWKS }]);
  sets.stop();
});

test("a server's answer has an end", async () => {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: ({ url }) => new Response(url.endsWith("big") ? "x".repeat(2_000_000) : JWKS),
  });
  const { promise: changed, resolve } = Promise.withResolvers<void>();
  const sets = new KeySets(resolve);
  sets.want(naming(`${server.url}big`, `${server.url}small`));
  await changed;
  expect(sets.current).toEqual([{ uri: `${server.url}small`, jwks: JWKS }]);
  sets.stop();
  await server.stop(true);
});
