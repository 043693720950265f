import { describe, expect, test } from "bun:test";
import { NOON_MS, testIntermediate, testLeaf, testRoot } from "../pki/certificate-fixtures.ts";
import { parsed } from "../pki/parsed.ts";
import { readCredentials } from "./credentials.ts";

const root = testRoot(NOON_MS);
const intermediate = testIntermediate(root, NOON_MS);
const leaf = testLeaf(intermediate, "spiffe://cluster.local/a", NOON_MS);

function bearer(authorization: string | undefined): string | undefined {
  const read = readCredentials({ authorization, certificates: [] });
  return read.kind === "parsed" ? read.value.bearer : read.reason;
}

describe("the authorization field", () => {
  test("gives the bearer token, whatever the case of the scheme", () => {
    expect(bearer("Bearer a.b-_c.d")).toBe("a.b-_c.d");
    expect(bearer("bearer  a.b.c")).toBe("a.b.c");
  });

  test("of another scheme, without a token or with more behind it is no credential", () => {
    for (const text of [undefined, "", "Basic YTpi", "Bearer", "Bearer ", "Bearer a b", "Bearer a\nb", "xBearer a"])
      expect(bearer(text)).toBeUndefined();
  });
});

describe("the client's certificates", () => {
  test("are read in order, and none is none", () => {
    const presented = [leaf, intermediate].map(({ certificate }) => certificate);
    expect(readCredentials({ authorization: undefined, certificates: presented.map(({ der }) => der) })).toEqual(
      parsed({ bearer: undefined, certificates: presented }),
    );
    expect(readCredentials({ authorization: undefined, certificates: [] })).toEqual(
      parsed({ bearer: undefined, certificates: [] }),
    );
  });

  test("that cannot be read are malformed and not none", () => {
    expect(readCredentials({ authorization: "Bearer a.b.c", certificates: [Uint8Array.of(1)] }).kind).toBe("malformed");
  });
});
