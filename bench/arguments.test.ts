import { expect, test } from "bun:test";
import { EXIT, Failure } from "../src/base/failure.ts";
import { readArguments } from "./arguments.ts";

function failureOf(...args: string[]): Failure {
  try {
    readArguments(args);
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown;
  }
  throw new Error(`${args.join(" ")} was accepted`);
}

test("cases and options come in any order", () => {
  expect(readArguments(["--json", "mesh", "--seconds", "1", "hop"])).toEqual({
    cases: ["mesh", "hop"],
    json: true,
    rounds: 3,
    seconds: 1,
  });
});

test("a wrong argument is a usage failure that names it and shows the right form", () => {
  for (const args of [
    ["mash"],
    ["hop", "--jsno"],
    ["hop", "--rounds", "0"],
    ["hop", "--seconds", "1.5"],
    ["hop", "--seconds"],
    [],
  ]) {
    const failure = failureOf(...args);
    expect(failure.exit).toBe(EXIT.usage);
    expect(failure.hint).toContain("hop|mesh|grpc|tcp-1m|http-1m|connections|routes|stall|scale");
  }
  expect(failureOf("mash").message).toContain('"mash"');
  expect(failureOf("hop", "--rounds", "100").message).toContain("1 to 9");
});
