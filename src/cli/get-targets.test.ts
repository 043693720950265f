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
  [["security-istio-io"], ["PeerAuthentication", "RequestAuthentication", "AuthorizationPolicy"]],
  [["pods,telemetry-istio-io"], ["Pod", "Telemetry"]],
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
  [["all", "web"], "all is several kinds, and takes no name"],
  [["all/web"], 'unknown kind: "all"'],
  [[","], "no kind is named"],
  [["vs,drs"], 'unknown kind: "drs"'],
] as const)("%p is refused", (written, message) => {
  expect(() => read(...written)).toThrow(message);
});

test("all is what runs and what configures it, and neither secrets nor the cluster's own", () => {
  const kinds = read("all");
  expect(kinds.slice(0, 2)).toEqual(["Service", "Pod"]);
  expect(kinds).toContain("VirtualService");
  expect(kinds).toContain("AuthorizationPolicy");
  expect(kinds).not.toContain("Secret");
  expect(kinds).not.toContain("CustomResourceDefinition");
});
