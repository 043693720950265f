import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseSpiffeId, serviceAccountId, serviceAccountOf, trustDomainFault } from "./spiffe.ts";

function reasonOf(text: string): string {
  const id = parseSpiffeId(text);
  return id.kind === "malformed" ? id.reason : "";
}

const segment = fc.stringMatching(/^[a-zA-Z0-9._-]{1,20}$/).filter((text) => text !== "." && text !== "..");
const trustDomain = fc.stringMatching(/^[a-z0-9._-]{1,40}$/);

describe("an identity", () => {
  test("is taken apart into trust domain and path", () => {
    const id = parseSpiffeId("spiffe://cluster.local/ns/default/sa/golden-signal");
    expect(id).toEqual({
      kind: "parsed",
      value: {
        trustDomain: "cluster.local",
        path: "/ns/default/sa/golden-signal",
        uri: "spiffe://cluster.local/ns/default/sa/golden-signal",
      },
    });
  });

  test("may be the trust domain alone", () => {
    expect(parseSpiffeId("spiffe://example.org")).toMatchObject({ kind: "parsed", value: { path: "" } });
  });

  test("has scheme and trust domain in lower case however it was written, and the path as it was written", () => {
    expect(parseSpiffeId("SPIFFE://Example.ORG/Path/A")).toMatchObject({
      kind: "parsed",
      value: { uri: "spiffe://example.org/Path/A" },
    });
  });

  test("is refused for what is not in the specification's alphabet", () => {
    for (const text of [
      "",
      "https://example.org/a",
      "spiffe:/example.org/a",
      "spiffe://",
      "spiffe:///a",
      "spiffe://example.org:443/a",
      "spiffe://user@example.org/a",
      "spiffe://[::1]/a",
      "spiffe://exämple.org/a",
      "spiffe://example.org/a b",
      "spiffe://example.org/a%2fb",
      "spiffe://example.org/a?b=c",
      "spiffe://example.org/a#b",
      "spiffe://example.org/ä",
      "spiffe://example.org/a,URI:spiffe://example.org/b",
      "spiffe://example.org/a\0",
      "spiffe://example.org/a\n",
      " spiffe://example.org/a",
    ]) {
      expect([text, reasonOf(text)]).not.toEqual([text, ""]);
    }
  });

  test("has no empty, relative or trailing segment", () => {
    for (const path of ["/", "/a/", "//a", "/a//b", "/.", "/..", "/a/../b", "/a/."])
      expect(reasonOf(`spiffe://example.org${path}`)).toContain("segment");
    expect(reasonOf("spiffe://example.org/...")).toBe("");
  });

  test("ends at 2,048 characters, its trust domain at 255", () => {
    const longest = `spiffe://a/${"b".repeat(2_048 - 11)}`;
    expect(reasonOf(longest)).toBe("");
    expect(reasonOf(`${longest}b`)).toContain("2048");
    expect(trustDomainFault("a".repeat(255))).toBeUndefined();
    expect(trustDomainFault("a".repeat(256))).toContain("255");
  });

  test("built from valid parts is read back to the same parts", () => {
    fc.assert(
      fc.property(trustDomain, fc.array(segment, { maxLength: 6 }), (domain, segments) => {
        const path = segments.map((part) => `/${part}`).join("");
        const uri = `spiffe://${domain}${path}`;
        expect(parseSpiffeId(uri)).toEqual({ kind: "parsed", value: { trustDomain: domain, path, uri } });
      }),
    );
  });

  test("is a fixed point: what was accepted once is accepted unchanged", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.stringMatching(/^(?:spiffe|SPIFFE):\/\/[a-zA-Z0-9._%/-]{0,30}$/)),
        (text) => {
          const id = parseSpiffeId(text);
          if (id.kind === "parsed") expect(parseSpiffeId(id.value.uri)).toEqual(id);
        },
      ),
    );
  });
});

describe("a service account", () => {
  test("is formatted and found again", () => {
    fc.assert(
      fc.property(segment, segment, (namespace, name) => {
        const id = serviceAccountId("cluster.local", { namespace, name });
        expect(id.kind === "parsed" && serviceAccountOf(id.value)).toEqual({ namespace, name });
      }),
    );
  });

  test("cannot smuggle a path", () => {
    expect(serviceAccountId("cluster.local", { namespace: "a/sa/b", name: "c" }).kind).toBe("malformed");
    expect(serviceAccountId("cluster.local", { namespace: "a", name: "b/ns" }).kind).toBe("malformed");
    expect(serviceAccountId("cluster.local", { namespace: "..", name: "b" }).kind).toBe("malformed");
  });

  test("is not seen in a path of another layout", () => {
    for (const path of ["", "/ns/a", "/ns/a/sa", "/ns/a/sa/b/c", "/x/ns/a/sa/b", "/sa/b/ns/a"]) {
      const id = parseSpiffeId(`spiffe://cluster.local${path}`);
      expect(id.kind === "parsed" && serviceAccountOf(id.value)).toBeUndefined();
    }
  });
});
