import { describe, expect, test } from "bun:test";
import { readObjects } from "../dialect/object.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { analyze, analyzeAlone } from "./analyze.ts";
import type { Analyzer } from "./analyzer.ts";
import { CODES, type Finding } from "./code.ts";
import { NOT_COVERED } from "./codes/not-covered.ts";
import { ANALYZERS } from "./registry.ts";
import { isSuppressed, parseSuppression } from "./suppress.ts";

function objectsOf(text: string) {
  return readObjects("f.yaml", text).objects;
}

const findingsOf = (text: string, analyzers?: readonly Analyzer[]) =>
  analyze(objectsOf(text), DEFAULT_SETTINGS, analyzers);
const codesIn = (text: string) => findingsOf(text).map(({ code }) => code);

const SERVICE = `apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
---
`;

function virtualService(name: string, more = "", annotations = "") {
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${name}${annotations === "" ? "" : `, annotations: {${annotations}}`}}
spec: {hosts: [web], http: [{route: [{destination: {host: web}}]}]${more}}
---
`;
}

describe("findings", () => {
  test("each of two objects in conflict carries the other's name", () => {
    const conflicts = findingsOf(SERVICE + virtualService("one") + virtualService("two")).filter(
      ({ code }) => code === "IST0109",
    );
    expect(conflicts.map(({ object }) => object?.name)).toEqual(["one", "two"]);
    for (const { message } of conflicts) {
      expect(message).toContain("default/one");
      expect(message).toContain("default/two");
    }
  });

  test("what a dialect and an analyzer both find is told once, with all its codes", () => {
    const text = `${SERVICE}${virtualService("web").replace("host: web", "host: wbe")}`;
    const found = findingsOf(text);
    expect(found.map(({ code }) => code)).toEqual(["IST0101"]);
    expect(found[0]?.also).toEqual(["KIA1101", "HED2001"]);
  });

  test("a subset without labels is told of, but not of a gateway, where it is one host's policy", () => {
    const subset = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web}
spec: {host: web, subsets: [{name: cnn}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
---
`;
    const gateway = (app: string) => `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: out}
spec: {selector: {app: ${app}}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [a.test]}]}
`;
    const among = (text: string) => codesIn(SERVICE + subset + text).includes("KIA0209");
    expect(among(gateway("other"))).toBe(true);
    expect(among(gateway("web"))).toBe(false);
  });

  test("two wrong fields of one place stay two findings", () => {
    const text = `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: a}
spec: {hosts: [a.example.com], ports: [{protocol: HTTP}]}
`;
    const missing = findingsOf(text).filter(({ code }) => code === "IST0106");
    expect(missing.map(({ message }) => message)).toEqual([
      "Schema validation error: name is missing",
      "Schema validation error: number is missing",
    ]);
  });

  test("an object written twice is told of, and looked at once", () => {
    expect(codesIn(SERVICE + virtualService("web") + virtualService("web"))).toEqual(["HED1026"]);
  });

  test("kinds of Kubernetes that the mesh has nothing to do with are no findings, those of others are", () => {
    const other = (apiVersion: string, kind: string) =>
      `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: a}\n`;
    expect(codesIn(other("apps/v1", "ReplicaSet"))).toEqual([]);
    expect(codesIn(other("rbac.authorization.k8s.io/v1", "Role"))).toEqual([]);
    expect(codesIn(other("example.com/v1", "Role"))).toEqual(["HED1025"]);
  });

  test("an analyzer that fails is a finding, and the others go on", () => {
    const broken: Analyzer = {
      name: "broken",
      about: "",
      codes: [],
      scope: "mesh",
      analyze: () => {
        throw new Error("oops");
      },
    };
    const found = findingsOf(virtualService("web"), [broken, ...ANALYZERS]);
    expect(found.map(({ code }) => code)).toContain("IST0101");
    expect(found.find(({ code }) => code === "IST0001")?.message).toBe("Internal error: analyzer broken: oops");
  });

  test("a host under a wildcard can be named by policies, and is no destination", () => {
    const wildcard = `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: all}
spec: {hosts: ["*.example.com"], ports: [{number: 443, name: tls, protocol: TLS}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: a}
spec: {rules: [{to: [{operation: {hosts: [a.example.com]}}]}]}
---
`;
    expect(codesIn(wildcard)).not.toContain("KIA0104");
    const route = virtualService("web").replace("host: web", "host: a.example.com");
    expect(codesIn(SERVICE + wildcard + route)).toContain("IST0101");
  });
});

describe("of one object alone", () => {
  test("what the dialects say already is left out", () => {
    const more = ", http: [{route: [{destination: {host: web}, weight: 80}]}]";
    const [object] = objectsOf(virtualService("web").replace(/, http:.*\]\}\]/, more));
    expect(analyzeAlone(object!, DEFAULT_SETTINGS)).toEqual([]);
    expect(analyze([object!], DEFAULT_SETTINGS).map(({ code }) => code)).toContain("KIA1104");
  });
});

describe("suppression", () => {
  const wrong = (annotation: string) =>
    codesIn(SERVICE + virtualService("web", "", annotation).replace("host: web", "host: wbe"));

  test.each([
    ["galley.istio.io/analyze-suppress: IST0101"],
    ["galley.istio.io/analyze-suppress: 'IST0118, KIA1101'"],
    ["galley.istio.io/analyze-suppress: '*'"],
    ["kiali.io/ignore-validations: KIA1101"],
    ["kiali.io/ignore-validations: ''"],
  ])("%s", (annotation) => expect(wrong(annotation)).toEqual([]));

  test("another code keeps nothing away", () => {
    expect(wrong("galley.istio.io/analyze-suppress: IST0102")).toEqual(["IST0101"]);
  });

  const found: Finding = {
    code: "IST0101",
    severity: "error",
    message: "",
    object: { kind: "VirtualService", namespace: "shop", name: "web" },
    also: ["HED2001"],
  };

  test.each([
    ["IST0101=VirtualService web.shop", true],
    ["HED2001=virtualservice web.shop", true],
    ["IST0101=VirtualService *.shop", true],
    ["*=* *", true],
    ["IST0101=VirtualService web.default", false],
    ["IST0101=Service web.shop", false],
    ["IST0102=VirtualService web.shop", false],
    // A dot is a dot.
    ["IST0101=VirtualService web-shop", false],
  ])("%s: %p", (text, is) => expect(isSuppressed(found, parseSuppression(text)!)).toBe(is));

  test("of a namespace the name is enough", () => {
    const namespace: Finding = { ...found, object: { kind: "Namespace", namespace: "default", name: "shop" } };
    expect(isSuppressed(namespace, parseSuppression("IST0101=Namespace shop")!)).toBe(true);
  });

  test.each(["IST0101", "IST0101=VirtualService", "ist0101=VirtualService web"])("%s is none", (text) =>
    expect(parseSuppression(text)).toBeUndefined(),
  );
});

describe("the catalogue", () => {
  test("no code is both covered and not", () => {
    expect(NOT_COVERED.filter(({ code }) => Object.hasOwn(CODES, code))).toEqual([]);
    const codes = NOT_COVERED.map(({ code }) => code);
    expect(codes).toEqual([...new Set(codes)]);
  });

  test("no code's other names are taken, but by what several kinds share", () => {
    const shared = ["KIA0002", "KIA0003"];
    for (const [code, info] of Object.entries(CODES))
      for (const other of "also" in info ? info.also : [])
        expect({ code, other, isTaken: Object.hasOwn(CODES, other) && !shared.includes(other) }).toEqual({
          code,
          other,
          isTaken: false,
        });
  });

  test("analyzers have names of their own", () => {
    const names = ANALYZERS.map(({ name }) => name);
    expect(names).toEqual([...new Set(names)]);
  });
});
