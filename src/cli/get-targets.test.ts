import { expect, test } from "bun:test";
import { targetsOf } from "./get-targets.ts";

function read(...[first = "", ...others]: readonly string[]): readonly string[] {
  return targetsOf(first, others).map(({ type, names }) => [type.kind, ...names].join(" "));
}

test.each([
  [["vs"], ["VirtualService"]],
  [["vs,dr"], ["VirtualService", "DestinationRule"]],
  [["vs,virtualservices,svc"], ["VirtualService", "Service"]],
  [
    ["vs,dr", "web", "api", "web"],
    ["VirtualService web api", "DestinationRule web api"],
  ],
  [["vs/web"], ["VirtualService web"]],
  [
    ["vs/web", "svc/web", "vs/api"],
    ["VirtualService web api", "Service web"],
  ],
] as const)("%p", (written, expected) => {
  expect(read(...written)).toEqual([...expected]);
});

test.each([
  [["vs/web", "api"], 'not KIND/NAME, as the others are: "api"'],
  [["vs/"], 'not KIND/NAME, as the others are: "vs/"'],
  [["vs/web/x"], 'not KIND/NAME, as the others are: "vs/web/x"'],
  [[","], "no kind is named"],
  [["vs,drs"], 'unknown kind: "drs"'],
] as const)("%p is refused", (written, message) => {
  expect(() => read(...written)).toThrow(message);
});
