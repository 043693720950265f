import { expect, test } from "bun:test";
import fc from "fast-check";
import { normalizePath } from "./path.ts";

test.each([
  ["/a/b", "/a/b"],
  ["/a/./b/../c", "/a/c"],
  ["/a/%2e%2e/b", "/b"],
  ["/..", "/"],
  ["/a/..", "/"],
  ["/a/b/.", "/a/b/"],
  ["/a\\b", "/a/b"],
  ["/%61%2Fb", "/a%2Fb"],
  ["/%61%2fb", "/a%2fb"],
  ["/%7euser", "/~user"],
  ["/a?x=/../y", "/a?x=/../y"],
  ["/a//b", "/a//b"],
  ["/../../etc", "/etc"],
])("%s becomes %s", (path, normal) => {
  expect(normalizePath(path, false)).toBe(normal);
});

test("slashes are merged where that was asked for", () => {
  expect(normalizePath("//a///b", true)).toBe("/a/b");
  expect(normalizePath("//a//b//?q=//", true)).toBe("/a/b/?q=//");
  // As Envoy: a dot segment takes an empty one, and slashes alone stay two.
  expect(normalizePath("/a//../b", true)).toBe("/a/b");
  expect(normalizePath("///", true)).toBe("//");
});

test.each(["/a%00b", "/a%", "/a%2", "/%zz"])("%s has no meaning that all would share", (path) => {
  expect(normalizePath(path, false)).toBeUndefined();
});

test("a normal path stays as it is, whatever the path was", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("a", ".", "..", "%2e", "%2F", "\\", "/", "", "%41", ";x"), { maxLength: 8 }),
      (parts) => {
        const once = normalizePath(`/${parts.join("/")}`, false);
        expect(once === undefined || normalizePath(once, false) === once).toBe(true);
        expect(once === undefined || !/(^|\/)\.\.?(\/|$)/.test(once)).toBe(true);
      },
    ),
  );
});
