import { expect, test } from "bun:test";
import { terminationOf } from "./termination.ts";

const EXIT = "EXIT_ON_ZERO_ACTIVE_CONNECTIONS";
const LEAST = "MINIMUM_DRAIN_DURATION";

test("nobody says how the proxy ends, or nothing that can be read", () => {
  expect(terminationOf({}, {})).toEqual({ kind: "while-busy" });
  expect(terminationOf({ [LEAST]: "9s" }, {})).toEqual({ kind: "while-busy" });
  expect(terminationOf({ [EXIT]: "yes" }, {})).toEqual({ kind: "while-busy" });
});

test("the whole drain time, or until no client is connected, after five seconds unless it is said", () => {
  expect(terminationOf({ [EXIT]: "false" }, {})).toEqual({ kind: "whole-time" });
  expect(terminationOf({ [EXIT]: "True" }, {})).toEqual({ kind: "until-idle", atLeastMs: 5_000 });
  expect(terminationOf({ [EXIT]: "1", [LEAST]: "1m30s" }, {})).toEqual({ kind: "until-idle", atLeastMs: 90_000 });
  expect(terminationOf({ [EXIT]: "1", [LEAST]: "soon" }, {})).toEqual({ kind: "until-idle", atLeastMs: 5_000 });
});

test("the mesh counts more than the agent's environment", () => {
  expect(terminationOf({ [LEAST]: "1s" }, { [EXIT]: "true", [LEAST]: "9s" })).toEqual({
    kind: "until-idle",
    atLeastMs: 1_000,
  });
  expect(terminationOf({ [EXIT]: "false" }, { [EXIT]: "true" })).toEqual({ kind: "whole-time" });
});
