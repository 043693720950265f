import { expect, test } from "bun:test";
import { translate } from "../dialect/dialects.ts";
import { readObjects } from "../dialect/object.ts";
import { buildMesh } from "./build.ts";
import { hostMatches } from "./hosts.ts";
import { servicesUnder } from "./services-under.ts";
import { DEFAULT_SETTINGS } from "./settings.ts";

const HOSTS = ["a.b.com", "b.com", "*.b.com", "*.c.a.b.com", "a.com", "*.com", "*b.com", "*-a.com", "x-a.com"];
const ENTRY = `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: a}
spec: {hosts: ${JSON.stringify(HOSTS)}, ports: [{number: 80, name: http, protocol: HTTP}], resolution: NONE}
`;

test("services under a wildcard are those whose hosts it covers", () => {
  const { parts, settings } = translate(readObjects("f.yaml", ENTRY).objects, DEFAULT_SETTINGS);
  const mesh = buildMesh(settings, parts);
  for (const pattern of [...HOSTS, "*", "*.a.b.com", "*com", "*.org", "c.com"]) {
    const expected = mesh.services.filter(({ host }) => hostMatches(pattern, host)).map(({ host }) => host);
    expect([pattern, servicesUnder(mesh, pattern).map(({ host }) => host)]).toEqual([pattern, expected]);
  }
});
